package main

import (
	"fmt"

	"jishan/internal/api"
)

type openapiCmd struct{}

// Run prints the OpenAPI document that /openapi.json serves.
func (openapiCmd) Run(e *env) error {
	b, err := api.Spec()
	if err != nil {
		return err
	}
	if _, err := e.out.Write(b); err != nil {
		return fmt.Errorf("printing the OpenAPI document: %w", err)
	}
	return nil
}
