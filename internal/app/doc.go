// Package app puts the program together: configuration in, running server out.
//
// It owns no tables and no rules. New builds everything from the bottom up and
// can be read as the list of what there is; Run serves until its context ends;
// Close takes it apart from the top down. Tests run the same struct (apptest).
//
//	a, err := app.New(ctx, cfg, app.Options{Log: log})
//	defer a.Close()
//	err = a.Run(ctx)
//
// Invariants: nothing listens before the schema is this program's; one process
// at a time uses an embedded data folder; jobs stop before services, services
// before the database.
package app
