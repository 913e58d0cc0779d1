package main

import (
	"jishan/internal/app"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/people"
)

// withDatabase runs fn with the features on the configured database, beside a serving process or without one.
func (e *env) withDatabase(fn func(*conf.Config, *db.DB, *app.Services) error) error {
	c, err := e.load()
	if err != nil {
		return err
	}
	d, err := e.open(c, true)
	if err != nil {
		return err
	}
	defer d.Close()
	s, err := app.NewServices(c, d)
	if err != nil {
		return err
	}
	defer s.Close()
	return fn(c, d, s)
}

// region finds a region by its official code.
func (e *env) region(d *db.DB, code string) (r people.Region, err error) {
	err = d.Read(e.ctx, func(tx db.Tx) error {
		r, err = people.RegionByCode(tx, code)
		return err
	})
	return r, err
}
