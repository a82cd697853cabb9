// SPDX-License-Identifier: Apache-2.0

package cocos_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The program of README.md, built as a module of its own and run against a real agent.
func TestTheProgramOfTheReadmeUploads(t *testing.T) {
	program := regexp.MustCompile("(?s)```go\n(.*?)```").FindSubmatch(content(t, "README.md"))
	w := open(t, terms{content: []byte("id,age\n1,64\n")})
	w.file("main.go", program[1])
	here := must[string](t)(os.Getwd())
	w.file("go.mod", []byte("module upload\n\ngo 1.19\n\nrequire libcocos/bindings/go v0.0.0\n\nreplace libcocos/bindings/go => "+here+"\n"))
	w.file("policy.json", []byte(must[string](t)(policy(t).JSON())))
	w.keyFile("private.pem", w.data)

	goProgram := os.Getenv("GO")
	if goProgram == "" {
		goProgram = "go"
	}
	build := exec.Command(goProgram, "build", "-o", "upload", ".")
	build.Dir = w.folder
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	upload := exec.Command(filepath.Join(w.folder, "upload"), w.address)
	upload.Dir = w.folder
	upload.Stdin = must[*os.File](t)(os.Open(w.dataset))
	out, err := upload.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "accepted NOT CONFIDENTIAL: the evidence is simulated") {
		t.Fatalf("%v: %s", err, out)
	}
	d, err := w.connect().Describe(within(t), w.data)
	fatal(t, err)
	for _, a := range d.Assets {
		if a.Kind == 2 && !a.Complete {
			t.Errorf("%+v", a)
		}
	}
}
