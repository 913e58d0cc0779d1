package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"jishan/internal/db"
	"jishan/internal/db/batch"
	"jishan/internal/id"
	"jishan/internal/stamp"
)

// Options are the configured values.
type Options struct {
	Secret          string   // root of all keys, at least 32 bytes
	PreviousSecrets []string // still verify, never sign
	AccessTTL       time.Duration
	RefreshTTL      time.Duration // of a refresh token that is not used
	LoginPerAccount int           // failed log-ins within AttemptWindow; 0 = 10
	LoginPerAddress int           // 0 = 60
	Demo            bool          // DemoLogin works; never set it outside a demo
}

// Service answers for users, sessions and tokens. Safe for concurrent use; Close stops its workers.
type Service struct {
	db     *db.DB
	o      Options
	keys   ring
	parser *jwt.Parser
	parsed parsed
	hasher hasher
	lane   *batch.Lane[identity, facts]
	kept   stamp.Kept[id.ID, []sessionUser] // of officers and merchants' people, under the count of stamp.Access
	trees  trees
}

// New checks the options and starts the workers of Authenticate.
func New(d *db.DB, o Options) (*Service, error) {
	keys, err := newRing(o.Secret, o.PreviousSecrets)
	if err != nil {
		return nil, err
	}
	if o.AccessTTL <= 0 || o.RefreshTTL < o.AccessTTL {
		return nil, errors.New("auth: tokens need a positive life, refresh tokens the longer one")
	}
	if o.LoginPerAccount == 0 {
		o.LoginPerAccount = 10
	}
	if o.LoginPerAddress == 0 {
		o.LoginPerAddress = 60
	}
	s := &Service{db: d, o: o, keys: keys, parser: newParser(d.Now), hasher: newHasher()}
	// One worker: with two on two cores the second snatches single requests while the first is busy, and nothing gathers.
	s.lane = batch.New(batch.Options{Max: 256, Timeout: 10 * time.Second}, s.lookUp)
	return s, nil
}

// Close waits for lookups under way.
func (s *Service) Close() { s.lane.Close() }

// Origin is where a log-in comes from.
type Origin struct {
	Device    string // as the client names itself, for the list of sessions
	Address   string
	RequestID string
}

// Tokens are the answer to a log-in or refresh.
type Tokens struct {
	Access         string
	AccessExpires  time.Time
	Refresh        string
	RefreshExpires time.Time
	User           id.ID
	Session        id.ID
	Kind           Kind
	Name           string
	MustChange     bool // the initial password must be changed before anything else
}

// tokens puts the answer together for a session whose current refresh token is given.
func (s *Service) tokens(tx db.Tx, user userRow, session sessionRow, refresh refreshToken) (Tokens, error) {
	expires := tx.Now.Add(s.o.AccessTTL)
	access, err := s.signAccess(identity{user: user.ID, session: session.ID, kind: user.Kind}, tx.Now, expires)
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{Access: access, AccessExpires: expires, Refresh: refresh.text(), RefreshExpires: time.UnixMilli(session.ExpiresAt).UTC(),
		User: user.ID, Session: session.ID, Kind: user.Kind, Name: user.Name, MustChange: user.MustChange}, nil
}

// startSession begins a session for a user that the transaction holds locked, so that disabling the user at the same moment
// either prevents it or ends it.
func (s *Service) startSession(tx db.Tx, user userRow, from Origin) (Tokens, error) {
	row := sessionRow{ID: id.New(), UserID: user.ID, Generation: 1, Device: clipText(from.Device, 100), Address: clip(from.Address, 64),
		CreatedAt: tx.Millis(), UsedAt: tx.Millis(), ExpiresAt: tx.Now.Add(s.o.RefreshTTL).UnixMilli()}
	refresh := newRefresh(s.keys[0], row.ID)
	hash := refresh.hash()
	row.RefreshHash = hash[:]
	if err := insertSession(tx, row); err != nil {
		return Tokens{}, err
	}
	return s.tokens(tx, user, row, refresh)
}

// target names a row in the audit log.
func target(kind string, key id.ID) string { return fmt.Sprintf("%s:%s", kind, key) }
