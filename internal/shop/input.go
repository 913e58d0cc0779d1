package shop

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mozillazg/go-pinyin"

	"jishan/internal/decimal"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/points"
)

const (
	maxStock = 1_000_000 // units of one product; more is a slip of the finger
	maxPrice = points.Amount(decimal.Limit)
	maxPage  = 100
)

// MerchantInput is what an officer enters about a merchant. An empty Code is made up.
type MerchantInput struct {
	Code       string
	Name       string
	Region     id.ID // only read when creating
	Address    string
	Phone      string
	FreeAmount bool
}

// ProductInput is what a shopkeeper enters about a product. Merchant and Stock are only read when creating.
type ProductInput struct {
	Merchant id.ID
	Name     string
	Unit     string
	Price    points.Amount
	Stock    int64
	LowStock int64
	State    ProductState // zero is OnSale
}

var (
	codeForm  = regexp.MustCompile(`^[A-Z0-9][A-Z0-9-]{1,15}$`)
	phoneForm = regexp.MustCompile(`^[0-9+() -]{0,20}$`)
)

// checker gathers everything that is wrong with an input.
type checker struct{ fields []errs.Field }

func (c *checker) bad(path, format string, args ...any) {
	c.fields = append(c.fields, errs.Field{Path: path, Text: fmt.Sprintf(format, args...)})
}

// text cleans a one-line text and checks its length in characters.
func (c *checker) text(path, label, s string, least, most int) string {
	s = strings.TrimSpace(s)
	n := utf8.RuneCountInString(s)
	switch {
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		c.bad(path, "%s里有不能识别的字符，请重新输入", label)
	case n < least:
		c.bad(path, "请填写%s", label)
	case n > most:
		c.bad(path, "%s太长，最多 %d 个字", label, most)
	}
	return s
}

func (c *checker) err() error {
	if len(c.fields) == 0 {
		return nil
	}
	return errs.ErrInvalid.At(c.fields...)
}

func (in MerchantInput) check() (MerchantInput, error) {
	var c checker
	in.Name = c.text("name", "商户名称", in.Name, 1, 64)
	in.Address = c.text("address", "地址", in.Address, 0, 128)
	if in.Code = strings.ToUpper(strings.TrimSpace(in.Code)); in.Code != "" && !codeForm.MatchString(in.Code) {
		c.bad("code", "商户编号只能用 2 到 16 位字母、数字和短横线")
	}
	if in.Phone = strings.TrimSpace(in.Phone); !phoneForm.MatchString(in.Phone) {
		c.bad("phone", "电话只能填数字，最多 20 位")
	}
	return in, c.err()
}

func (in ProductInput) check() (ProductInput, error) {
	var c checker
	in.Name = c.text("name", "商品名称", in.Name, 1, 64)
	in.Unit = c.text("unit", "单位", in.Unit, 1, 16)
	if in.Price <= 0 || in.Price > maxPrice {
		c.bad("price", "兑换积分要大于 0，且不超过 %s", maxPrice)
	}
	if in.Stock < 0 || in.Stock > maxStock {
		c.bad("stock", "库存要在 0 到 %d 之间", maxStock)
	}
	if in.LowStock < 0 || in.LowStock > maxStock {
		c.bad("low_stock", "低库存提醒要在 0 到 %d 之间，0 表示不提醒", maxStock)
	}
	switch in.State {
	case 0:
		in.State = OnSale
	case OnSale, OffSale:
	default:
		c.bad("state", "商品状态只能是上架或下架")
	}
	return in, c.err()
}

// initials spells a name by the first letters of its pinyin, for searching: 洗衣粉 → "xyf". Letters and digits stay, the rest
// is dropped.
func initials(name string) string {
	args := pinyin.NewArgs()
	args.Style = pinyin.FirstLetter
	var b strings.Builder
	for _, r := range name {
		if r < utf8.RuneSelf {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				b.WriteRune(unicode.ToLower(r))
			}
		} else if p := pinyin.SinglePinyin(r, args); len(p) > 0 {
			b.WriteString(p[0])
		}
		if b.Len() >= 32 {
			break
		}
	}
	return b.String()
}

// searchWhere is the condition that finds a name by a part of it or by its initials, with its arguments; empty for an empty search.
func searchWhere(prefix, search string) (string, []any) {
	search = strings.TrimSpace(search)
	if search == "" {
		return "", nil
	}
	esc := strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")
	like := esc.Replace(search)
	return " AND (" + prefix + "name LIKE ? ESCAPE '!' OR " + prefix + "initials LIKE ? ESCAPE '!')", []any{"%" + like + "%", asciiOnly(strings.ToLower(like)) + "%"}
}

// asciiOnly is s, or what no initials begin with: MySQL refuses to compare an ascii column with other characters.
func asciiOnly(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return "-"
		}
	}
	return s
}

func pageLimit(n int) int {
	if n <= 0 {
		return 20
	}
	return min(n, maxPage)
}
