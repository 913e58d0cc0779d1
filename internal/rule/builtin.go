package rule

import (
	"bytes"
	"context"
	"embed"
	"fmt"

	"jishan/internal/auth"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
)

//go:embed builtin/*.csv
var builtinFiles embed.FS

// Builtin is a book to start from, in our own words.
type Builtin struct {
	Key    string
	Asset  ledger.Asset
	Name   string
	Source string // whose public scheme it follows
}

var builtins = []Builtin{
	{"village-household", ledger.Points, "村民积分细则（按户）", "参考公开的龙胜某村农户积分细则编写"},
	{"village-person", ledger.Points, "村民积分细则（按人）", "参考一份公开的村民个人积分细则编写"},
	{"party", ledger.PartyScore, "党员积分细则", "参考公开的文登农村党员积分细则编写"},
}

// Builtins are the books that come with the product.
func Builtins() []Builtin { return append([]Builtin(nil), builtins...) }

// Rules are the rules of the book as they would be in a first draft.
func (b Builtin) Rules() ([]Input, error) {
	file, err := builtinFiles.ReadFile("builtin/" + b.Key + ".csv")
	if err != nil {
		return nil, fmt.Errorf("reading built-in book %s: %w", b.Key, err)
	}
	inputs, _, err := openSheet(bytes.NewReader(file), Book{Asset: b.Asset})
	return inputs, err
}

// CreateFromBuiltin founds a book with a built-in one as its first draft. An empty name takes the built-in's.
func (s *Service) CreateFromBuiltin(ctx context.Context, actor auth.Actor, region id.ID, key, name string) (Book, error) {
	for _, b := range builtins {
		if b.Key != key {
			continue
		}
		rules, err := b.Rules()
		if err != nil {
			return Book{}, err
		}
		if name == "" {
			name = b.Name
		}
		return s.found(ctx, actor, NewBook{Region: region, Asset: b.Asset, Name: name, Source: b.Source}, rules)
	}
	return Book{}, errs.ErrNotFound.New()
}
