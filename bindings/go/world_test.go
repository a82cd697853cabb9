// SPDX-License-Identifier: Apache-2.0

package cocos_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	cocos "libcocos/bindings/go"
)

// patience is for machines that are busy; nothing waits that long where it works.
const patience = 60 * time.Second

func buildRoot() string {
	if root := os.Getenv("COCOS_BUILD_ROOT"); root != "" {
		return root
	}
	root, _ := filepath.Abs("../../build")
	return root
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](t testing.TB) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		fatal(t, err)
		return value
	}
}

// fails holds an error to its kind and code.
func fails(t testing.TB, err error, kind error, code string) *cocos.Error {
	t.Helper()
	var e *cocos.Error
	if !errors.As(err, &e) || !errors.Is(err, kind) || e.Code != code {
		t.Fatalf("%v is not %v with code %q", err, kind, code)
	}
	return e
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// evidence is made once, by a hierarchy with keys of this run; dropped when all tests are over.
var evidence struct {
	once   sync.Once
	folder string
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if evidence.folder != "" {
		os.RemoveAll(evidence.folder)
	}
	os.Exit(code)
}

func makeEvidence() (string, error) {
	evidence.once.Do(func() {
		if evidence.folder, evidence.err = os.MkdirTemp("", "cocos-evidence-"); evidence.err == nil {
			evidence.err = exec.Command(filepath.Join(buildRoot(), "tests/integration/make-evidence"), evidence.folder).Run()
		}
	})
	return evidence.folder, evidence.err
}

func made(t testing.TB, name ...string) string {
	t.Helper()
	return filepath.Join(append([]string{must[string](t)(makeEvidence())}, name...)...)
}

func content(t testing.TB, path string) []byte {
	t.Helper()
	return must[[]byte](t)(os.ReadFile(path))
}

// process is a program whose lines are read; it ends with the test.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	lines chan string
}

func start(t testing.TB, log func(cmd *exec.Cmd) (io.ReadCloser, error), name string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(filepath.Join(buildRoot(), name), args...)
	stream := must[io.ReadCloser](t)(log(cmd))
	fatal(t, cmd.Start())
	p := &process{t, cmd, make(chan string, 10000)}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(stream); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(p.end)
	return p
}

func (p *process) end() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// object gives the first JSON line that has a member.
func (p *process) object(member string) map[string]any {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			var o map[string]any
			if !ok {
				p.t.Fatalf("%s ended", p.cmd.Path)
			}
			if json.Unmarshal([]byte(line), &o) == nil && o[member] != nil {
				return o
			}
		case <-timeout:
			p.t.Fatalf("%s does not say %s", p.cmd.Path, member)
		}
	}
}

// world is a computation on this machine: a development server and an agent with simulated evidence as
// processes, an algorithm, one data set, and everybody's keys.
type world struct {
	t                   testing.TB
	folder              string
	alg, data, consumer *cocos.Key
	algorithm, dataset  string // paths
	manifest            *cocos.Manifest
	manifestPath        string
	cvms, agent         *process
	address, pin        string
	server              string
}

type terms struct {
	content   []byte
	unsized   bool
	approvals []string
}

func open(t testing.TB, with terms) *world {
	t.Helper()
	w := &world{t: t, folder: t.TempDir()}
	key := must[*cocos.Key](t)
	w.alg, w.data, w.consumer = key(cocos.GenerateKey(cocos.Ed25519)), key(cocos.GenerateKey(cocos.P256)), key(cocos.GenerateKey(cocos.Ed25519))
	w.algorithm = filepath.Join(buildRoot(), "tests/support/jobs/writer")
	w.dataset = w.file("patients.csv", with.content)
	w.writeManifest(with)
	w.cvms = start(t, (*exec.Cmd).StdoutPipe, "tools/cvms/cocos-cvms", "--json", "--host", "127.0.0.1", "--port", "0", w.manifestPath)
	w.server = w.cvms.object("address")["address"].(string)
	w.startAgent("127.0.0.1:0")
	return w
}

func (w *world) startAgent(listen string) {
	w.t.Helper()
	w.agent = start(w.t, (*exec.Cmd).StderrPipe, "tools/agent/cocos-agent", "--state", filepath.Join(w.folder, "state"), "--listen", listen,
		"--cvms", w.server, "--id", "vm-1", "--unlimited", "--log-format", "json", "--evidence", "sim-snp",
		"--simulator", filepath.Join(buildRoot(), "sim"))
	listening := w.agent.object("pin")
	w.address, w.pin = listening["address"].(string), listening["pin"].(string)
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		a := w.connect()
		d := must[*cocos.Description](w.t)(a.Describe(within(w.t), nil))
		a.Close()
		if d.ComputationID != "" {
			return
		}
		if time.Now().After(end) {
			w.t.Fatal("the manifest did not come")
		}
	}
}

func (w *world) file(name string, content []byte) string {
	w.t.Helper()
	path := filepath.Join(w.folder, name)
	fatal(w.t, os.WriteFile(path, content, 0o600))
	return path
}

func (w *world) keyFile(name string, key *cocos.Key) string {
	w.t.Helper()
	return w.file(name, []byte(must[string](w.t)(key.PrivatePEM())))
}

func (w *world) writeManifest(with terms) {
	w.t.Helper()
	pem := func(k *cocos.Key) string { return must[string](w.t)(k.PublicPEM()) }
	digest := func(path string) string {
		d, _, err := cocos.Checksum(within(w.t), path)
		fatal(w.t, err)
		return d.String()
	}
	dataset := map[string]any{"filename": "patients.csv", "hash": digest(w.dataset), "user_key": pem(w.data)}
	if !with.unsized {
		dataset["size"] = len(with.content)
	}
	document := map[string]any{
		"version":          1,
		"id":               "c-1",
		"algorithm":        map[string]any{"hash": digest(w.algorithm), "user_key": pem(w.alg), "algo_type": "bin", "algo_args": []string{"5000"}},
		"datasets":         []any{dataset},
		"result_consumers": []any{map[string]any{"user_key": pem(w.consumer)}},
	}
	if with.approvals != nil {
		document["approvals"] = with.approvals
	}
	w.manifestPath = w.file("job.json", must[[]byte](w.t)(json.Marshal(document)))
	w.manifest = must[*cocos.Manifest](w.t)(cocos.ReadManifest(w.manifestPath))
}

// policy accepts the simulator of this build, and nothing else.
func policy(t testing.TB) *cocos.Policy {
	t.Helper()
	p := must[*cocos.Policy](t)(cocos.NewPolicy())
	for rule, value := range map[string]string{
		"snp.products": "Milan", "snp.measurement": strings.Repeat("a1", 48), "snp.revocation": "any",
		"coverage.kernel": "any", "coverage.command_line": "any", "coverage.initrd": "any", "coverage.agent": "any",
	} {
		fatal(t, p.Set(rule, value))
	}
	fatal(t, p.AddRoot(content(t, filepath.Join(buildRoot(), "sim/snp-root.pem"))))
	return p
}

// connect connects as everybody should.
func (w *world) connect() *cocos.Agent {
	w.t.Helper()
	return w.connectTo(w.address)
}

func (w *world) connectTo(address string) *cocos.Agent {
	w.t.Helper()
	a := must[*cocos.Agent](w.t)(cocos.Connect(within(w.t), address, cocos.Options{Policy: policy(w.t)}))
	w.t.Cleanup(func() { a.Close() })
	return a
}

// confirmed is connect for this manifest.
func (w *world) confirmed() *cocos.Agent {
	w.t.Helper()
	a := w.connect()
	fatal(w.t, a.ConfirmManifest(w.manifest.Digest()))
	return a
}
