package app_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"jishan/internal/app/apptest"
)

// TestMonitoringAsksForWhatIsThere: every metric named by the dashboard and by the alerts is one that a running server tells, and
// every alert says in Chinese what is the matter and what to do.
func TestMonitoringAsksForWhatIsThere(t *testing.T) {
	s := apptest.Start(t)
	status, body := get(t, s.URL+"/readyz") // a family with labels appears at its first use
	require.Equal(t, http.StatusOK, status, body)
	status, body = get(t, s.URL+"/metrics")
	require.Equal(t, http.StatusOK, status)
	told := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(body, -1) {
		told[m[1]] = true
		if m[2] == "histogram" {
			told[m[1]+"_bucket"], told[m[1]+"_sum"], told[m[1]+"_count"] = true, true, true
		}
	}
	// A label that a query picks by value is one that the family has.
	labels := map[string]bool{"job": true, "instance": true, "le": true}
	for _, m := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(body, -1) {
		labels[m[1]] = true
	}
	metric, label := regexp.MustCompile(`\b(?:jishan|go|process)_[a-z_]+`), regexp.MustCompile(`([a-z_]+)(?:=|!=|=~|!~)"`)
	check := func(name, expr string) {
		t.Helper()
		require.NotEmpty(t, expr, name)
		for _, pair := range []string{"()", "{}", "[]"} {
			require.Equal(t, strings.Count(expr, pair[:1]), strings.Count(expr, pair[1:]), "%s: %s", name, expr)
		}
		found := metric.FindAllString(expr, -1)
		require.True(t, len(found) > 0 || strings.HasPrefix(expr, "up{"), "%s asks for nothing: %s", name, expr)
		for _, m := range found {
			require.True(t, told[m], "%s asks for %s, which the server does not tell", name, m)
		}
		for _, m := range label.FindAllStringSubmatch(expr, -1) {
			require.True(t, labels[m[1]], "%s picks by %s, which no metric has", name, m[1])
		}
	}

	var dashboard struct {
		Title  string
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	data, err := os.ReadFile("../../configs/monitoring/grafana.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &dashboard))
	require.Greater(t, len(dashboard.Panels), 10)
	for _, p := range dashboard.Panels {
		require.Regexp(t, `\p{Han}`, p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			check(p.Title, target.Expr)
		}
	}

	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For string
				Labels           struct{ Severity string }
				Annotations      struct{ Summary, Description string }
			}
		}
	}
	data, err = os.ReadFile("../../configs/monitoring/alerts.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(data, &alerts))
	require.Len(t, alerts.Groups, 1)
	require.Greater(t, len(alerts.Groups[0].Rules), 8)
	for _, r := range alerts.Groups[0].Rules {
		check(r.Alert, r.Expr)
		_, err := time.ParseDuration(r.For)
		require.NoError(t, err, r.Alert)
		require.Contains(t, []string{"warning", "critical"}, r.Labels.Severity, r.Alert)
		require.Regexp(t, `\p{Han}{4}`, r.Annotations.Summary, r.Alert)
		require.Regexp(t, `(?:\p{Han}.*){10}`, r.Annotations.Description, r.Alert)
	}
}
