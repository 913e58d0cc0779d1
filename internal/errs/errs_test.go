package errs_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/errs"
)

var errSample = errs.Define(errs.Refused, "test.sample", "不行")

func TestCodesAreFoundThroughWrapping(t *testing.T) {
	cause := errors.New("disk")
	err := fmt.Errorf("doing: %w", errSample.Wrap(cause))
	require.ErrorIs(t, err, errSample)
	require.ErrorIs(t, err, cause)
	require.Equal(t, "不行", errs.From(err).Text())
	require.Equal(t, "差 3 分", errs.From(errSample.With("差 %d 分", 3)).Text())
	require.Equal(t, errSample, errs.From(fmt.Errorf("x: %w", errSample)).Code)
	require.Equal(t, time.Second, errSample.New().After(time.Second).RetryAfter)
	require.Nil(t, errs.From(nil))
}

func TestUnknownErrorsShowNothing(t *testing.T) {
	e := errs.From(errors.New("password=secret"))
	require.Equal(t, errs.ErrInternal, e.Code)
	require.NotContains(t, e.Text(), "secret")
	require.Panics(t, func() { errs.Define(errs.Invalid, "test.sample", "又一次") })
}
