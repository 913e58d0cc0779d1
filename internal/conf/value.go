package conf

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var (
	errText     = errors.New("应是一段文字（只有数字时请加引号）")
	errInt      = errors.New("应是整数，例如 32")
	errBool     = errors.New("应是 true 或 false")
	errDuration = errors.New("应是时长，例如 75s、15m、72h、30d")
	errSize     = errors.New("应是大小，例如 512KiB、1MiB，或字节数")
	errList     = errors.New("应是列表")
)

// set converts v, as YAML or an environment variable gives it, to the type of dst. Errors are Chinese and do not contain v.
func set(dst reflect.Value, v any) error {
	switch dst.Interface().(type) {
	case time.Duration:
		d, err := ParseDuration(fmt.Sprint(v))
		if err != nil {
			return errDuration
		}
		dst.SetInt(int64(d))
		return nil
	case Size:
		n, err := ParseSize(fmt.Sprint(v))
		if err != nil {
			return errSize
		}
		dst.SetInt(int64(n))
		return nil
	}
	switch dst.Kind() {
	case reflect.String:
		s, ok := v.(string) // an unquoted 0123 has already lost its zero, so numbers are not taken as text
		if !ok {
			return errText
		}
		dst.SetString(s)
	case reflect.Int:
		n, err := strconv.Atoi(strings.TrimSpace(fmt.Sprint(v)))
		if err != nil {
			return errInt
		}
		dst.SetInt(int64(n))
	case reflect.Bool:
		switch strings.ToLower(strings.TrimSpace(fmt.Sprint(v))) {
		case "true", "1", "yes", "on":
			dst.SetBool(true)
		case "false", "0", "no", "off":
			dst.SetBool(false)
		default:
			return errBool
		}
	case reflect.Slice:
		return setList(dst, v)
	default:
		return fmt.Errorf("程序里这一项的类型 %s 还不支持", dst.Type())
	}
	return nil
}

func setList(dst reflect.Value, v any) error {
	var items []any
	switch list := v.(type) {
	case []any:
		items = list
	case string:
		for part := range strings.SplitSeq(list, ",") {
			if part = strings.TrimSpace(part); part != "" {
				items = append(items, part)
			}
		}
	default:
		return errList
	}
	out := reflect.MakeSlice(dst.Type(), 0, len(items))
	for _, item := range items {
		s, ok := item.(string)
		if !ok {
			return errList
		}
		out = reflect.Append(out, reflect.ValueOf(s).Convert(dst.Type().Elem()))
	}
	dst.Set(out)
	return nil
}

// ParseDuration is time.ParseDuration that also knows days ("30d", "1d12h").
func ParseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, errDuration
	}
	d := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return d, nil
	}
	r, err := time.ParseDuration(rest)
	if err != nil || r < 0 {
		return 0, errDuration
	}
	return d + r, nil
}

// ParseSize reads bytes with an optional unit; K, KB and KiB are all 1024.
func ParseSize(s string) (Size, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	unit := ""
	if i >= 0 {
		s, unit = s[:i], strings.TrimSpace(s[i:])
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errSize
	}
	var shift uint
	switch strings.TrimSuffix(strings.TrimSuffix(unit, "b"), "i") {
	case "":
	case "k":
		shift = 10
	case "m":
		shift = 20
	case "g":
		shift = 30
	default:
		return 0, errSize
	}
	if n > 1<<62>>shift {
		return 0, errSize
	}
	return Size(n << shift), nil
}
