package shop

import (
	"context"
	"fmt"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/files"
	"jishan/internal/id"
)

// SetPhoto makes a JPEG, PNG or WebP file the product's photo, in place of a former one; see files.Read for what is refused.
// The same file again changes nothing. Needs product.write at the product's merchant.
func (s *Service) SetPhoto(ctx context.Context, actor auth.Actor, product id.ID, file []byte) (Product, error) {
	// Asked first, so that a stranger's file is not even decoded; and again below, for much may happen meanwhile.
	if err := s.db.Read(ctx, func(tx db.Tx) error {
		p, err := productByID(tx, product)
		if err != nil {
			return err
		}
		_, err = ownMerchant(tx, actor, p)
		return err
	}); err != nil {
		return Product{}, err
	}
	picture, err := s.decoded(ctx, file)
	if err != nil {
		return Product{}, err
	}
	return s.changePhoto(ctx, actor, product, picture.Hash, func(tx db.Tx) error { return files.Put(tx, product, picture) })
}

// decoded reads one picture at a time, however many are sent.
func (s *Service) decoded(ctx context.Context, file []byte) (files.Picture, error) {
	select {
	case s.decoding <- struct{}{}:
		defer func() { <-s.decoding }()
		return files.Read(file)
	case <-ctx.Done():
		return files.Picture{}, errs.ErrUnavailable.Wrap(ctx.Err())
	}
}

// RemovePhoto leaves the product without a photo. Needs product.write at the product's merchant.
func (s *Service) RemovePhoto(ctx context.Context, actor auth.Actor, product id.ID) (Product, error) {
	return s.changePhoto(ctx, actor, product, "", func(tx db.Tx) error { return files.Delete(tx, product) })
}

func (s *Service) changePhoto(ctx context.Context, actor auth.Actor, product id.ID, hash string, write func(db.Tx) error) (Product, error) {
	var out Product
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		locked, err := LockProducts(tx, []id.ID{product})
		if err != nil {
			return err
		}
		p := locked[product]
		if p == nil {
			return errs.ErrNotFound.New()
		}
		m, err := ownMerchant(tx, actor, *p)
		if err != nil {
			return err
		}
		if out = *p; p.Photo == hash {
			return nil
		}
		if err := write(tx); err != nil {
			return err
		}
		if err := tx.Exec("UPDATE products SET photo = ?, updated_at = ? WHERE id = ?", hash, tx.Millis(), product).Error; err != nil {
			return fmt.Errorf("writing a product's photo: %w", err)
		}
		out.Photo, out.UpdatedAt = hash, tx.Now
		summary := fmt.Sprintf("“%s”换了照片", p.Name)
		if hash == "" {
			summary = fmt.Sprintf("“%s”去掉了照片", p.Name)
		}
		return record(tx, actor, "product.photo", "product", p.ID, m.Region, summary)
	})
	return out, err
}

// Photo is one size of a product's photo, a JPEG. Whoever knows the hash of its content may see it: lists that name it are
// guarded, and a picture in a page can carry no log-in.
func (s *Service) Photo(ctx context.Context, product id.ID, hash string, size files.Size) (jpeg []byte, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		jpeg, err = files.Get(tx, product, hash, size)
		return err
	})
	return jpeg, err
}

// ownMerchant is the product's merchant, for those who may change its goods.
func ownMerchant(tx db.Tx, actor auth.Actor, p Product) (Merchant, error) {
	m, err := merchantByID(tx, p.Merchant)
	if err != nil {
		return Merchant{}, err
	}
	return m, merchantsPeople(actor, auth.ProductWrite, m)
}
