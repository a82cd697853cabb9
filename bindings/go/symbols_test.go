// SPDX-License-Identifier: Apache-2.0

package cocos_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Public functions that Go does not bind, each with the reason.
var notBound = map[string]string{
	"cocos_log_set":                     "its callback comes from any thread and would outlive what Go can promise",
	"cocos_cancel_triggered":            "contexts know",
	"cocos_collateral_fetch":            "fetching is for a machine with network and cache, by 'cocos collateral bundle'",
	"cocos_case_anchor_fetch":           "as cocos_collateral_fetch",
	"cocos_collateral_options_add_root": "as cocos_collateral_fetch",
	"cocos_collateral_options_free":     "as cocos_collateral_fetch",
	"cocos_collateral_options_new":      "as cocos_collateral_fetch",
	"cocos_collateral_options_set":      "as cocos_collateral_fetch",
	"cocos_manifest_agent_config":       "for the agent",
	"cocos_manifest_dataset_decompress": "for the agent",
	"cocos_manifest_job_limit":          "for the agent; Manifest.JSON shows it",
	"cocos_manifest_job_network_count":  "for the agent; Manifest.JSON shows it",
	"cocos_manifest_job_output":         "for the agent; Manifest.JSON shows it",
}

var notBoundHeaders = map[string]string{
	"agent.h":   "the serving side, which runs in the guest",
	"cvms.h":    "a development server",
	"enclave.h": "not yet: enclaves are started by 'cocos vm' or Python",
	"manager.h": "the serving side, which runs on the host",
	"measure.h": "for those who build images, by 'cocos measure' and 'cocos policy new'",
}

var (
	comment     = regexp.MustCompile(`(?s)/\*.*?\*/`)
	declaration = regexp.MustCompile(`COCOS_API\b[^;{]*?\b(cocos_\w+)\s*\(`)
	goUse       = regexp.MustCompile(`\bC\.(cocos_\w+)\(`)
	bridgeUse   = regexp.MustCompile(`\b(cocos_\w+)\(`)
)

func declared(t *testing.T) map[string]string {
	headers := must[[]string](t)(filepath.Glob("../../include/cocos/*.h"))
	found := map[string]string{}
	for _, h := range headers {
		for _, m := range declaration.FindAllSubmatch(comment.ReplaceAll(content(t, h), nil), -1) {
			found[string(m[1])] = filepath.Base(h)
		}
	}
	return found
}

func used(t *testing.T) map[string]bool {
	found := map[string]bool{}
	files := must[[]os.DirEntry](t)(os.ReadDir("."))
	for _, f := range files {
		pattern := goUse
		if filepath.Ext(f.Name()) == ".c" {
			pattern = bridgeUse
		} else if filepath.Ext(f.Name()) != ".go" {
			continue
		}
		for _, m := range pattern.FindAllSubmatch(content(t, f.Name()), -1) {
			found[string(m[1])] = true
		}
	}
	return found
}

func TestEveryPublicFunctionIsBoundOrListed(t *testing.T) {
	uses := used(t)
	for name, header := range declared(t) {
		if !uses[name] && notBound[name] == "" && notBoundHeaders[header] == "" {
			t.Errorf("%s of %s is neither bound nor listed", name, header)
		}
	}
}

func TestNothingIsListedThatIsBoundOrDoesNotExist(t *testing.T) {
	uses, functions := used(t), declared(t)
	if len(functions) < 150 {
		t.Fatalf("the headers declare only %d functions", len(functions))
	}
	for name := range notBound {
		if uses[name] || functions[name] == "" {
			t.Errorf("%s is listed as not bound", name)
		}
	}
	for name, header := range functions {
		if uses[name] && notBoundHeaders[header] != "" {
			t.Errorf("%s is bound, and its header listed as not bound", name)
		}
	}
}

// cgo holds the types of each call against the headers; enumerations are written down once more.
func TestEveryConstantOfTheBoundHeadersIsBound(t *testing.T) {
	constant := regexp.MustCompile(`(?m)^\s+(COCOS_[A-Z0-9_]+) = -?\d+`)
	skip := regexp.MustCompile(`^COCOS_(LOG|JOB|AGENT)_|^COCOS_OK$`)
	bound := map[string]bool{}
	for _, f := range must[[]string](t)(filepath.Glob("*.go")) {
		for _, m := range regexp.MustCompile(`\bC\.(COCOS_\w+)`).FindAllSubmatch(content(t, f), -1) {
			bound[string(m[1])] = true
		}
	}
	n := 0
	for _, h := range must[[]string](t)(filepath.Glob("../../include/cocos/*.h")) {
		if notBoundHeaders[filepath.Base(h)] != "" {
			continue
		}
		for _, m := range constant.FindAllStringSubmatch(string(content(t, h)), -1) {
			n++
			if !skip.MatchString(m[1]) && !bound[m[1]] {
				t.Errorf("%s of %s is not bound", m[1], filepath.Base(h))
			}
		}
	}
	if n < 50 {
		t.Fatalf("the headers have only %d constants", n)
	}
}
