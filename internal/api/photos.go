package api

import (
	"context"
	"fmt"
	"net/http"

	"jishan/internal/auth"
	"jishan/internal/files"
	"jishan/internal/shop"
)

// picture is an answer that is shown. Its address names its content, so it is kept for ever.
type picture struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	CacheControl string `header:"Cache-Control"`
	ETag         string `header:"ETag"`
	Body         []byte
}

// photoPath is where a size of the product's photo is; empty where it has none.
func photoPath(p shop.Product, size files.Size) string {
	if p.Photo == "" {
		return ""
	}
	return fmt.Sprintf("%s/products/%s/photo/%s/%s", Prefix, p.ID, p.Photo, size)
}

func (s *Server) photoOps(op func(Op, auth.Permission, Audience) Op) {
	register(s, op(Op{ID: "product-photo", Method: "POST", Path: "/products/{id}/photo", Summary: "上传商品照片", MaxBody: files.MaxBytes + 1<<16, Upload: true, Takes: "JPEG、PNG 或 WebP 图片",
		Note: "换掉原来的照片。重新压缩成两种大小的 JPEG，拍摄地点、时间等信息都不保留。"}, auth.ProductWrite, Merchants),
		func(ctx context.Context, c *Call, in *ByID) (Product, error) {
			p, err := s.deps.Shop.SetPhoto(ctx, c.Actor, in.ID.V, c.Upload.Data)
			return productOut(p), err
		})
	register(s, op(Op{ID: "product-photo-remove", Method: "DELETE", Path: "/products/{id}/photo", Summary: "去掉商品照片"}, auth.ProductWrite, Merchants),
		func(ctx context.Context, c *Call, in *ByID) (Product, error) {
			p, err := s.deps.Shop.RemovePhoto(ctx, c.Actor, in.ID.V)
			return productOut(p), err
		})
	registerPicture(s, op(Op{ID: "product-photo-show", Method: "GET", Path: "/products/{id}/photo/{hash}/{size}", Summary: "商品照片",
		Note: "地址由商品的 photo、thumb 给出，内容变了地址就变。"}, auth.Public, Anybody),
		func(ctx context.Context, _ *Call, in *struct {
			ByID
			Hash string `path:"hash" pattern:"^[0-9a-f]{32}$"`
			Size string `path:"size" enum:"large,small"`
			Tag  string `header:"If-None-Match" maxLength:"500"`
		}) (*picture, error) {
			out := &picture{Status: http.StatusOK, ContentType: "image/jpeg", CacheControl: "public, max-age=31536000, immutable", ETag: fmt.Sprintf("%q", in.Hash+"-"+in.Size)}
			jpeg, err := s.deps.Shop.Photo(ctx, in.ID.V, in.Hash, files.Size(in.Size))
			if err != nil {
				return nil, err
			}
			if in.Tag == out.ETag {
				out.Status = http.StatusNotModified
				return out, nil
			}
			out.Body = jpeg
			return out, nil
		})
}
