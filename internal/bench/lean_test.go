//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"jishan/internal/id"
)

// lean is a client that costs next to nothing, as a load generator on another machine would: it shares the processors with
// what is measured. One connection, one request at a time.
type lean struct {
	addr, token string
	conn        net.Conn
	in          *bufio.Reader
	out         []byte
}

func (s *server) leanClients(n int, token string) []*lean {
	addr := strings.TrimSuffix(strings.TrimPrefix(s.base, "http://"), "/api/v1")
	list := make([]*lean, n)
	for i := range list {
		list[i] = &lean{addr: addr, token: token}
	}
	return list
}

// award posts one grant and reads the whole answer.
func (l *lean) award(village, rule, house id.ID) error {
	body := `{"grants":[{"rule":"` + rule.String() + `","household":"` + house.String() + `"}]}`
	l.out = append(l.out[:0], "POST /api/v1/villages/"...)
	for _, part := range [...]string{village.String(), "/awards HTTP/1.1\r\nHost: ", l.addr, "\r\nAuthorization: Bearer ", l.token, "\r\nContent-Type: application/json\r\nIdempotency-Key: ",
		id.New().String(), "\r\nContent-Length: ", strconv.Itoa(len(body)), "\r\n\r\n", body} {
		l.out = append(l.out, part...)
	}
	return l.send()
}

// get reads a page of the API and throws it away.
func (l *lean) get(path string) error {
	l.out = fmt.Appendf(l.out[:0], "GET /api/v1%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", path, l.addr, l.token)
	return l.send()
}

// send sends what is in out and reads the whole answer.
func (l *lean) send() error {
	if l.conn == nil {
		conn, err := net.Dial("tcp", l.addr)
		if err != nil {
			return err
		}
		l.conn, l.in = conn, bufio.NewReader(conn)
	}
	if _, err := l.conn.Write(l.out); err != nil {
		return err
	}
	status, length, chunked, later := "", 0, false, 0
	for first := true; ; first = false {
		line, err := l.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimSpace(line)
		if first {
			status = string(line)
		} else if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		} else if value, ok := bytes.CutPrefix(line, []byte("Retry-After: ")); ok {
			if later, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		} else if string(line) == "Transfer-Encoding: chunked" {
			chunked = true
		} else if len(line) == 0 {
			break
		}
	}
	if strings.HasPrefix(status, "HTTP/1.1 200 ") && chunked {
		_, err := io.Copy(io.Discard, httputil.NewChunkedReader(l.in))
		if err == nil {
			_, err = l.in.Discard(2) // the empty line after the last chunk
		}
		return err
	}
	if strings.HasPrefix(status, "HTTP/1.1 200 ") && length > 0 {
		_, err := l.in.Discard(length)
		return err
	}
	if strings.HasPrefix(status, "HTTP/1.1 503 ") || strings.HasPrefix(status, "HTTP/1.1 429 ") {
		if _, err := l.in.Discard(length); err != nil {
			return err
		}
		return shed(time.Duration(later) * time.Second)
	}
	answer := make([]byte, max(length, l.in.Buffered()))
	n, _ := l.in.Read(answer)
	return fmt.Errorf("%s: %s", status, answer[:n])
}
