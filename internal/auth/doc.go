// Package auth says who asks and what that person may do.
//
// It owns the tables users, user_roles, user_households, sessions and
// login_attempts. Officers, merchants' people and villagers are three audiences
// of users; a log-in never changes its audience. What a role may do is one table
// in code (RolePermissions), printed to docs/permissions.md.
//
//	s, err := auth.New(d, auth.Options{Secret: …, AccessTTL: 15 * time.Minute, …})
//	tokens, err := s.Login(ctx, auth.Credentials{Kind: auth.KindOfficer, Login: "wangxiuying", Password: "…"}, origin)
//	actor, err := s.Authenticate(ctx, tokens.Access, address, requestID)
//	err = actor.InRegion(auth.AwardWrite, village) // nil, ErrForbidden or ErrNotFound
//
// # Tokens
//
// An access token is a JWT that names the user and the session and lives for
// minutes. It carries no rights: Authenticate reads the session, the user and the
// roles from the database for every request (concurrent requests share one
// read), so a revoked session, a disabled user or a role taken away counts at
// once, in every process.
//
// A refresh token is good once. It holds the session, a generation, 256 secret
// bits and a tag under the server's key; only its SHA-256 is stored. Using it
// makes the next generation, whose secret is computed from the one before with a
// key only the server has. So the server can give the very same next token
// again to a client whose answer was lost: the token before the current one is
// answered once more for ten seconds (ReuseGrace) after the exchange. A genuine
// token that is older, by time or by generation, has been copied: the session is
// revoked. Within the grace a copy gets the same next token as its owner; the
// first exchange after that reveals the copy. A token that is not genuine is
// refused and changes nothing.
//
// Keys are derived from the root secret, one per purpose. Earlier secrets still
// verify and never sign.
//
// # Invariants
//
// Passwords are kept as argon2id, tokens as SHA-256; neither appears in an error,
// a log or the audit log. A user is changed only by somebody who could have given
// that user every one of the roles held; who cannot even see the user is answered
// ErrNotFound. Every officer's, merchant's and villager's change is audited, as
// are log-ins and revocations; the ordinary exchange of a refresh token is not.
// Locks are taken in the order users, sessions.
package auth
