package main

import "jishan/internal/errs"

type migrateCmd struct {
	Up     migrateUp     `cmd:"" default:"1" help:"升级到本程序的版本（默认）"`
	Status migrateStatus `cmd:"" help:"只看版本，不改动"`
}

type migrateUp struct{}

// Run brings the schema up.
func (migrateUp) Run(e *env) error {
	c, err := e.load()
	if err != nil {
		return err
	}
	if err := makeDataDir(c); err != nil {
		return err
	}
	d, err := e.open(c, false)
	if err != nil {
		return err
	}
	defer d.Close()
	before, want, err := d.Versions(e.ctx)
	if err != nil {
		return err
	}
	if err := d.Migrate(e.ctx); err != nil {
		return err
	}
	if before == want {
		e.say("数据库结构已是最新（版本 %d），不用升级", want)
	} else {
		e.say("数据库结构已从版本 %d 升级到 %d", before, want)
	}
	return nil
}

type migrateStatus struct{}

// Run says where the schema is.
func (migrateStatus) Run(e *env) error {
	c, err := e.load()
	if err != nil {
		return err
	}
	if err := makeDataDir(c); err != nil {
		return err
	}
	d, err := e.open(c, false)
	if err != nil {
		return err
	}
	defer d.Close()
	have, want, err := d.Versions(e.ctx)
	if err != nil {
		return err
	}
	e.say("数据库：版本 %d；本程序：版本 %d", have, want)
	if err := d.Current(e.ctx); err != nil {
		e.say("%s", errs.From(err).Text())
		return errFindings
	}
	e.say("一致")
	return nil
}
