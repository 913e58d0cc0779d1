package api

import (
	"context"
	"time"

	"jishan/internal/auth"
	"jishan/internal/board"
	"jishan/internal/public"
	"jishan/internal/qr"
)

// PaperSeal is what a print of a village carries so that it can be compared with the book later.
type PaperSeal struct {
	Code    string      `json:"code" doc:"村的区划代码"`
	Village string      `json:"village"`
	Seal    *PublicSeal `json:"seal,omitempty" doc:"还没有日封的村没有"`
	Page    string      `json:"page,omitempty" doc:"这封日封的公开页面；没有对外公开的村没有"`
	QR      string      `json:"qr,omitempty" doc:"页面地址的二维码，SVG"`
}

func (s *Server) paperOut(p public.Paper) (PaperSeal, error) {
	out := PaperSeal{Code: p.Village.Code, Village: p.Village.Name}
	if p.Seal.Number == 0 {
		return out, nil
	}
	out.Seal = ptr(sealOut(p.Seal))
	if !p.Publishes {
		return out, nil
	}
	out.Page = s.sealPageOf(p.Village.Code, p.Seal.Day)
	svg, err := qr.SVG(out.Page)
	out.QR = string(svg)
	return out, err
}

func (s *Server) paperOps() {
	register(s, Op{ID: "village-seal", Method: "GET", Path: "/villages/{id}/seal", Summary: "印在公告、榜单上的日封",
		Note: "到某个时刻为止最近的一封：公布时的日封，日后还问得到。不论有没有对外公开。", Tag: tagBoards, Perm: auth.BoardRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *struct {
			ByID
			At time.Time `query:"at" doc:"不填为现在"`
		}) (out PaperSeal, err error) {
			if _, err := s.readable(ctx, c.Actor, in.ID.V, board.Household); err != nil {
				return out, err
			}
			p, err := s.deps.Public.Paper(ctx, in.ID.V, in.At)
			if err != nil {
				return out, err
			}
			return s.paperOut(p)
		})
}
