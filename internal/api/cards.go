package api

import (
	"context"

	"jishan/internal/auth"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/qr"
	"jishan/internal/redeem"
)

const tagCards = "户卡"

// Card is a household's printed card.
type Card struct {
	Household id.ID  `json:"household"`
	Village   id.ID  `json:"village"`
	HouseCode string `json:"house_code"`
	HeadName  string `json:"head_name"`
	Serial    int    `json:"serial" doc:"第几张；补打后旧卡作废"`
	Payload   string `json:"payload" doc:"二维码的内容"`
	QR        string `json:"qr" doc:"二维码，SVG"`
	HasPIN    bool   `json:"has_pin"`
	Locked    bool   `json:"locked"`
	Failures  int    `json:"failures" doc:"连续输错密码几次"`
}

// Cards are cards to be printed.
type Cards struct {
	Items []Card `json:"items"`
}

// CardsInput names households.
type CardsInput struct {
	Households []id.ID `json:"households" minItems:"1" maxItems:"500"`
}

// PINInput is a new PIN.
type PINInput struct {
	PIN string `json:"pin" pattern:"^[0-9]{4,6}$" patternDescription:"4 到 6 位数字"`
}

func cardOut(c redeem.Card) (Card, error) {
	svg, err := qr.SVG(c.Payload)
	if err != nil {
		return Card{}, err
	}
	return Card{Household: c.Household, Village: c.Village, HouseCode: people.FormatHouseCode(c.HouseCode), HeadName: c.HeadName, Serial: c.Serial, Payload: c.Payload,
		QR: string(svg), HasPIN: c.HasPIN, Locked: c.Locked, Failures: c.Failures}, nil
}

// carded turns a service's answer into one of the API.
func carded(c redeem.Card, err error) (Card, error) {
	if err != nil {
		return Card{}, err
	}
	return cardOut(c)
}

func (s *Server) cardOps() {
	op := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagCards, auth.CardWrite, Officers; return o }
	type withPIN struct {
		ByID
		Body PINInput
	}

	register(s, op(Op{ID: "card-issue", Method: "POST", Path: "/cards", Summary: "办理户卡，取回要打印的", Note: "已有卡的户不变，重复办理无妨。"}),
		func(ctx context.Context, c *Call, in *struct{ Body CardsInput }) (Cards, error) {
			list, err := s.deps.Redeem.IssueCards(ctx, c.Actor, distinct(in.Body.Households))
			if err != nil {
				return Cards{}, err
			}
			out := Cards{Items: make([]Card, len(list))}
			for i, card := range list {
				if out.Items[i], err = cardOut(card); err != nil {
					return Cards{}, err
				}
			}
			return out, nil
		})
	register(s, op(Op{ID: "card-get", Method: "GET", Path: "/households/{id}/card", Summary: "一户的户卡"}),
		func(ctx context.Context, c *Call, in *ByID) (Card, error) {
			return carded(s.deps.Redeem.Card(ctx, c.Actor, in.ID.V))
		})
	register(s, op(Op{ID: "card-reprint", Method: "POST", Path: "/households/{id}/card/reprint", Summary: "补打户卡，旧卡作废"}),
		func(ctx context.Context, c *Call, in *ByID) (Card, error) {
			return carded(s.deps.Redeem.ReprintCard(ctx, c.Actor, in.ID.V))
		})
	register(s, op(Op{ID: "card-unlock", Method: "POST", Path: "/households/{id}/card/unlock", Summary: "解锁户卡"}),
		func(ctx context.Context, c *Call, in *ByID) (Card, error) {
			return carded(s.deps.Redeem.UnlockCard(ctx, c.Actor, in.ID.V))
		})
	register(s, op(Op{ID: "card-pin", Method: "PUT", Path: "/households/{id}/card/pin", Summary: "重设户卡密码", Note: "同时解锁。"}),
		func(ctx context.Context, c *Call, in *withPIN) (Card, error) {
			return carded(s.deps.Redeem.SetPIN(ctx, c.Actor, in.ID.V, in.Body.PIN))
		})
}
