// Package api is the only HTTP of the product: gin carries the requests, huma
// describes and validates them, and every operation is registered through one
// wrapper that knows who may call it.
//
// It owns no tables. Data transfer types live here and nowhere else; a table row
// is never bound from or printed to JSON. Rules live in the feature packages: a
// handler turns a request into a call of one service and its result into an
// answer.
//
//	s := api.New(api.Deps{Config: cfg, DB: d, Auth: auth, …})
//	err := s.HTTPServer().Serve(listener)
//
//	register(s, Op{ID: "award-grant", Method: "POST", Path: "/villages/{id}/awards",
//		Summary: "加减分", Tag: tagAwards, Perm: auth.AwardWrite, Audience: Officers, Idempotent: true},
//		func(ctx context.Context, c *Call, in *grantInput) (GrantResult, error) { … })
//
// Invariants: an operation without a permission or an audience panics at
// construction; who asks, whether the role may, and that the body is of a
// permitted size is decided before the body is validated; every failure leaves
// as application/problem+json with a code of docs/errors.md; the text of an
// error that is not an *errs.Error goes to the log and nowhere else; amounts are
// never floating point numbers on their way to a service.
//
// docs/openapi.json and docs/errors.md are generated from here: go test
// ./internal/api -run Golden -update.
package api
