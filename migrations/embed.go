// Package migrations holds the schema, once per dialect, with the same numbers
// and names in both; a test in internal/db compares what they produce.
//
// Instants are BIGINT UTC milliseconds, days INT yyyymmdd, months INT yyyymm,
// amounts BIGINT hundredths.
package migrations

import "embed"

//go:embed mysql/*.sql sqlite/*.sql
var FS embed.FS
