package main

import (
	"context"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"jishan/internal/db"
)

// Without redis.addrs the boards are inside the serving process.
func TestBoardsInTheServingProcess(t *testing.T) {
	township(t)
	code, out, _ := command(t, "", "boards", "rebuild", "--wait", "300ms")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "积分榜在服务进程里")
	code, out, _ = command(t, "", "verify")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "积分榜：没有核对")
}

// A Redis of its own is filled and compared from the command line as well, whether somebody serves or not.
func TestBoardsInARealRedis(t *testing.T) {
	dir, g := township(t)
	server := miniredis.RunT(t)
	t.Setenv("JISHAN_REDIS_ADDRS", server.Addr())
	code, out, _ := command(t, "", "verify", "--wait", "10ms")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "还没有建好")

	code, out, errOut := command(t, "", "boards", "rebuild")
	require.Equal(t, exitOK, code, out+errOut)
	require.Contains(t, out, "积分榜已重建")
	code, out, _ = command(t, "", "verify")
	require.Equal(t, exitOK, code, out)
	require.NotContains(t, out, "没有核对")
	require.Contains(t, out, "张，相符")
	d, err := db.Open(context.Background(), db.Options{DataDir: dir})
	require.NoError(t, err)
	var leases int
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) error {
		return tx.Raw("SELECT COUNT(*) FROM leases WHERE until_at > ?", tx.Millis()).Row().Scan(&leases)
	}))
	require.NoError(t, d.Close())
	require.Zero(t, leases, "the server goes on at once")

	// Somebody has meddled with a board.
	board := ""
	for _, k := range server.Keys() {
		if members, err := server.ZMembers(k); err == nil && len(members) > 0 && strings.Contains(k, g.Pilot.String()) {
			board = k
			_, err := server.ZAdd(k, 99_999_00, members[0])
			require.NoError(t, err)
			break
		}
	}
	require.NotEmpty(t, board)
	code, out, _ = command(t, "", "verify", "--wait", "10ms")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "[不符] 小渔溪村")
	code, out, _ = command(t, "", "boards", "rebuild", "--region", "439900100201")
	require.Equal(t, exitOK, code, out)
	code, out, _ = command(t, "", "verify")
	require.Equal(t, exitOK, code, out)

	server.Close()
	code, out, _ = command(t, "", "boards", "rebuild")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "连不上 Redis")
	code, out, _ = command(t, "", "verify")
	require.Equal(t, exitOK, code, "the accounts are right, and boards are read from them meanwhile: %s", out)
	require.Contains(t, out, "Redis 连不上，积分榜没有核对")
}
