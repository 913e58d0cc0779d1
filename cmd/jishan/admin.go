package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"jishan/internal/app"
	"jishan/internal/auth"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/errs"
)

type adminCmd struct {
	Create   adminCreate   `cmd:"" help:"建立系统管理员；已有同名账号时重设其密码并恢复管理员角色"`
	Password adminPassword `cmd:"" help:"重设任何干部或商户账号的密码，并让它在所有设备上退出"`
}

type adminCreate struct {
	Login string `arg:"" name:"登录名" help:"2 到 32 位小写字母、数字或 . _ - @"`
}

// Run makes the first administrator.
func (c adminCreate) Run(e *env) error {
	return e.withAuth(func(s *auth.Service) error {
		password, err := e.password()
		if err != nil {
			return err
		}
		created, err := s.EnsureAdmin(e.ctx, c.Login, password)
		if err != nil {
			return err
		}
		if created {
			e.say("系统管理员 %s 已建立", c.Login)
		} else {
			e.say("账号 %s 已是系统管理员，密码已重设", c.Login)
		}
		return nil
	})
}

type adminPassword struct {
	Login    string `arg:"" name:"登录名"`
	Merchant bool   `help:"商户账号（不写则为干部账号）"`
}

// Run gives an account another password.
func (c adminPassword) Run(e *env) error {
	return e.withAuth(func(s *auth.Service) error {
		kind := auth.KindOfficer
		if c.Merchant {
			kind = auth.KindMerchant
		}
		system := auth.System("命令行")
		users, err := s.Users(e.ctx, system, auth.UserFilter{Kind: kind, Query: c.Login}, 200)
		if err != nil {
			return err
		}
		for _, u := range users {
			if u.Login != strings.ToLower(c.Login) {
				continue
			}
			password, err := e.password()
			if err != nil {
				return err
			}
			if _, err := s.ResetPassword(e.ctx, system, u.ID, password); err != nil {
				return err
			}
			e.say("%s（%s）的密码已重设，已在所有设备上退出", u.Login, u.Name)
			return nil
		}
		return errs.ErrNotFound.With("没有登录名是 %s 的账号，请核对；商户账号要加 --merchant", c.Login)
	})
}

// withAuth runs fn with the accounts of the configured database.
func (e *env) withAuth(fn func(*auth.Service) error) error {
	return e.withDatabase(func(_ *conf.Config, _ *db.DB, s *app.Services) error { return fn(s.Auth) })
}

// password is asked for twice at a terminal; otherwise it is the first line of the input.
func (e *env) password() (string, error) {
	f, ok := e.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(e.in).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	var twice [2]string
	for i, prompt := range []string{"密码（至少 8 位，有字母和数字）：", "再输一遍："} {
		fmt.Fprint(e.err, prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(e.err)
		if err != nil {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		twice[i] = string(b)
	}
	if twice[0] != twice[1] {
		return "", errs.ErrInvalid.With("两遍不一样，请重来")
	}
	return twice[0], nil
}
