package batch

import "context"

// Bisect runs the items as one unit and, where the unit fails as a whole, its halves, down to single items: one item that
// cannot be written never fails its neighbours. run returns one result per item, or an error when nothing was done.
func Bisect[T, R any](ctx context.Context, items []T, run func(context.Context, []T) ([]Result[R], error)) []Result[R] {
	out, err := run(ctx, items)
	if err == nil {
		return out
	}
	if len(items) <= 1 || ctx.Err() != nil {
		return failed[R](len(items), err)
	}
	half := len(items) / 2
	return append(Bisect(ctx, items[:half], run), Bisect(ctx, items[half:], run)...)
}
