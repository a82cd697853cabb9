// SPDX-License-Identifier: Apache-2.0

package cocos_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cocos "libcocos/bindings/go"
)

// stream hides that a reader can seek.
type stream struct{ io.Reader }

func TestAWholeComputationProvesItself(t *testing.T) {
	if _, err := exec.LookPath("crun"); err != nil || os.Geteuid() != 0 {
		t.Skip("skipped: jobs need root and crun")
	}
	ctx := within(t)
	patients := bytes.Repeat([]byte("first data set\n"), 100000)
	w := open(t, terms{content: patients, approvals: []string{"consumer", "data-provider"}})
	a := w.connect()
	if v := a.Verdict(); !v.Accepted() || !v.Simulated || !strings.Contains(a.Notice(), "NOT CONFIDENTIAL") || a.Evidence() == nil {
		t.Fatal(v)
	}
	d := must[*cocos.Description](t)(a.Describe(ctx, w.data))
	if d.Manifest.Digest() != w.manifest.Digest() || *d.ManifestDigest != w.manifest.Digest() || d.Compat || len(d.Assets) != 2 ||
		d.State != "ReceivingAlgorithm" || len(d.ApprovalsMissing) != 2 || d.InstanceID == [16]byte{} {
		t.Errorf("%+v", d)
	}
	unsigned := a.Upload(ctx, cocos.Dataset, 0, bytes.NewReader(patients), w.data, nil)
	fails(t, unsigned, cocos.ErrUsage, "agent.manifest.unconfirmed")
	fails(t, a.ConfirmManifest(cocos.Digest{1}), cocos.ErrState, "agent.manifest.other")
	fatal(t, a.ConfirmManifest(w.manifest.Digest()))

	for i, party := range []struct {
		key  *cocos.Key
		role string
	}{{w.consumer, "consumer"}, {w.data, "data-provider"}} {
		approval := must[*cocos.Approval](t)(cocos.SignApproval(w.manifest, party.key, map[string]string{"role": party.role}))
		if missing := must[int](t)(a.Approve(ctx, approval)); missing != 1-i {
			t.Error("approvals missing:", missing)
		}
	}

	fatal(t, a.UploadFile(ctx, cocos.Algorithm, 0, w.algorithm, w.alg, nil))
	var told []uint64
	progress := func(done, total uint64) error {
		told = append(told, done)
		if total != uint64(len(patients)) {
			t.Error("total:", total)
		}
		return nil
	}
	fatal(t, a.Upload(ctx, cocos.Dataset, 0, stream{bytes.NewReader(patients)}, w.data, &cocos.UploadOptions{Progress: progress}))
	if len(told) == 0 || told[len(told)-1] != uint64(len(patients)) {
		t.Error("progress:", told)
	}

	states := ""
	fatal(t, a.Watch(ctx, w.consumer, 0, func(e cocos.Event) error {
		states += e.State + " "
		if e.State == "ConsumingResults" {
			return cocos.StopWatching
		}
		return nil
	}))
	if !strings.Contains(states, "Running") {
		t.Error(states)
	}

	var result bytes.Buffer
	n, err := a.Result(ctx, &result, w.consumer, &cocos.ResultOptions{Nonce: []byte("a consumer's nonce")})
	fatal(t, err)
	if int(n) != result.Len() {
		t.Error("written:", n, result.Len())
	}
	archive := must[*zip.Reader](t)(zip.NewReader(bytes.NewReader(result.Bytes()), n))
	big := must[fs.File](t)(archive.Open("big"))
	if info := must[fs.FileInfo](t)(big.Stat()); info.Size() != 5000 {
		t.Error("size of what the job wrote:", info.Size())
	}
	path := filepath.Join(w.folder, "result.zip")
	if size := must[uint64](t)(a.ResultFile(ctx, path, w.consumer, nil)); int64(size) != n || !bytes.Equal(content(t, path), result.Bytes()) {
		t.Error("the file has another result")
	}
	checkTestimony(t, w, a, path)
}

// checkTestimony makes a case of the agent's testimony, and judges it when the agent is gone.
func checkTestimony(t *testing.T, w *world, a *cocos.Agent, result string) {
	ctx := within(t)
	testimony := must[*cocos.Testimony](t)(a.Statement(ctx, w.consumer))
	digest, size, err := cocos.Checksum(ctx, result)
	fatal(t, err)
	if d, n := testimony.Statement.Result(); d == nil || *d != digest || n != size || len(testimony.Approvals) != 2 || testimony.Evidence == nil {
		t.Errorf("%v %d %+v", d, n, testimony)
	}
	if must[string](t)(testimony.Statement.JSON()) == "" {
		t.Error("the statement says nothing")
	}
	if testimony.Closure != nil && must[string](t)(testimony.Closure.JSON()) == "" {
		t.Error("the closure says nothing")
	}
	made := must[*cocos.Case](t)(cocos.NewCase(w.manifest, testimony))
	file := must[[]byte](t)(made.CBOR())
	a.Close()
	w.agent.end()

	c := must[*cocos.Case](t)(cocos.ParseCase(file))
	judge := verifier(t, policy(t))
	held := &cocos.CaseTerms{ResultDigest: &digest, ResultSize: size}
	v, err := c.Verify(judge, held)
	fatal(t, err)
	if sound, same := v.Row("case.sound"), v.Row("case.result"); sound == nil || sound.Outcome != cocos.Passed || same.Outcome != cocos.Passed {
		t.Error(v)
	}
	other := cocos.Digest{1}
	v, err = c.Verify(judge, &cocos.CaseTerms{ResultDigest: &other, ResultSize: size})
	if !errors.Is(err, cocos.ErrRejected) || v == nil || v.Row("case.result").Outcome != cocos.Failed {
		t.Error(err)
	}
	if text := must[string](t)(c.Explain(judge, held)); !strings.Contains(text, "c-1") {
		t.Error(text)
	}
	if text := must[string](t)(c.ExplainJSON(nil, nil)); !strings.Contains(text, "{") {
		t.Error(text)
	}
	if must[*cocos.Manifest](t)(c.Manifest()).Digest() != w.manifest.Digest() || len(must[[]*cocos.Approval](t)(c.Approvals())) != 2 {
		t.Error("the case is about something else")
	}
	if len(must[[]byte](t)(c.AnchorRequest())) < 32 {
		t.Error("no request for a time-stamp")
	}
	fails(t, c.Anchor([]byte("no answer")), cocos.ErrMalformed, "timestamp.form")
	_ = must[*cocos.Statement](t)(c.Statement())
	_, err = c.Closure()
	fatal(t, err)
	for i := len(file) / 2; i < len(file)/2+8; i++ { // somewhere in the evidence and the statement
		broken := append([]byte(nil), file...)
		broken[i] ^= 1
		c, err := cocos.ParseCase(broken)
		if err == nil {
			_, err = c.Verify(judge, held)
		}
		if err == nil {
			t.Errorf("byte %d of the case changed, and it is still sound", i)
		}
	}
}

func TestNothingIsSentBeforeEvidenceIsAccepted(t *testing.T) {
	w := open(t, terms{content: []byte("data")})
	ctx := within(t)
	p := policy(t)
	fatal(t, p.Set("snp.measurement", strings.Repeat("b2", 48)))
	_, err := cocos.Connect(ctx, w.address, cocos.Options{Policy: p})
	fails(t, err, cocos.ErrRejected, "snp.measurement")
	var refused *cocos.Error
	if !errors.As(err, &refused) || refused.Verdict == nil || refused.Verdict.Row("snp.signature").Outcome != cocos.Passed {
		t.Errorf("a refusal without the verdict behind it: %v", err)
	}
	_, err = cocos.Connect(ctx, w.address, cocos.Options{})
	fails(t, err, cocos.ErrUsage, "agent.policy.none")
	_, err = cocos.Connect(ctx, w.address, cocos.Options{InsecureNoAttestation: true, Pin: "sha256:" + strings.Repeat("0", 64)})
	fails(t, err, cocos.ErrUnauthenticated, "tls.pin")
	other := cocos.Digest{7}
	a := must[*cocos.Agent](t)(cocos.Connect(ctx, w.address, cocos.Options{Policy: policy(t), ManifestDigest: &other}))
	err = a.Upload(ctx, cocos.Dataset, 0, strings.NewReader("data"), w.data, nil)
	fails(t, err, cocos.ErrState, "agent.manifest.other")
	a.Close()

	direct := must[*cocos.Agent](t)(cocos.Connect(ctx, w.address, cocos.Options{InsecureNoAttestation: true, Pin: w.pin}))
	if direct.Verdict() != nil || direct.Evidence() != nil || direct.Notice() != "NOT CONFIDENTIAL: peer not attested" {
		t.Error(direct.Notice())
	}
	nonce := []byte("twelve bytes")
	fresh := must[*cocos.Evidence](t)(direct.Attest(ctx, nonce))
	if fresh.Kind() != cocos.EvidenceEnvelope || !bytes.Equal(must[[]byte](t)(fresh.Claim(cocos.ClaimChallenge)), nonce) {
		t.Error("the evidence is not over the nonce")
	}
	if part := must[[]byte](t)(fresh.Find("no/such")); part != nil {
		t.Error("a part that there is not")
	}
	fatal(t, fresh.Expect(cocos.ClaimPurpose, []byte("rpc")))
	_, err = verifier(t, policy(t)).Verify(fresh)
	fatal(t, err)
}

func TestAReaderNeedsItsSizeFromSomebody(t *testing.T) {
	content := bytes.Repeat([]byte("x"), 300000)
	w := open(t, terms{content: content, unsized: true})
	a := w.confirmed()
	ctx := within(t)
	err := a.Upload(ctx, cocos.Dataset, 0, stream{bytes.NewReader(content)}, w.data, nil)
	fails(t, err, cocos.ErrUsage, "asset.size")
	err = a.Upload(ctx, cocos.Dataset, 7, bytes.NewReader(content), w.data, nil)
	fails(t, err, cocos.ErrNotFound, "asset.none")
	err = a.Upload(ctx, cocos.Dataset, 0, stream{bytes.NewReader(content[:9])}, w.data, &cocos.UploadOptions{Size: uint64(len(content))})
	if e := fails(t, err, cocos.ErrMalformed, "asset.size"); e.Expected != "300000" || e.Found != "9" {
		t.Error(e)
	}
	wrong := bytes.Repeat([]byte("y"), len(content))
	err = a.Upload(ctx, cocos.Dataset, 0, bytes.NewReader(wrong), w.data, nil)
	fails(t, err, cocos.ErrMalformed, "asset.digest")
	fatal(t, a.Upload(ctx, cocos.Dataset, 0, bytes.NewReader(content), w.data, nil))
	fatal(t, a.Upload(ctx, cocos.Dataset, 0, stream{strings.NewReader("")}, w.data, &cocos.UploadOptions{Size: uint64(len(content))})) // is there already
}

var errBroken = errors.New("the disk is broken")

// broken gives some bytes, then its error.
type broken struct{ left int }

func (b *broken) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errBroken
	}
	n := len(p)
	if n > b.left {
		n = b.left
	}
	b.left -= n
	return n, nil
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestErrorsOfTheCallersCodeComeBack(t *testing.T) {
	w := open(t, terms{content: make([]byte, 5<<20)})
	ctx := within(t)
	err := w.confirmed().Upload(ctx, cocos.Dataset, 0, &broken{1 << 20}, w.data, nil)
	if fails(t, err, cocos.ErrIO, "asset.read"); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	err = w.confirmed().Upload(ctx, cocos.Dataset, 0, idle{}, w.data, nil)
	if fails(t, err, cocos.ErrIO, "asset.read"); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
	stop := func(done, total uint64) error { return errBroken }
	err = w.confirmed().Upload(ctx, cocos.Dataset, 0, &broken{5 << 20}, w.data, &cocos.UploadOptions{Progress: stop})
	if fails(t, err, cocos.ErrCancelled, "progress.cancelled"); !errors.Is(err, errBroken) || errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	a := w.confirmed()
	defer func() {
		if p := recover(); p != "by the caller" {
			t.Error("the panic is not the caller's:", p)
		}
		if _, err := a.Describe(ctx, nil); err != nil {
			t.Error("the connection does not outlive the panic:", err)
		}
	}()
	_ = a.Upload(ctx, cocos.Dataset, 0, &broken{5 << 20}, w.data, &cocos.UploadOptions{Progress: func(uint64, uint64) error { panic("by the caller") }})
}

func TestAContextEndsAnUploadWhoseReaderWaits(t *testing.T) {
	w := open(t, terms{content: make([]byte, 1<<20)})
	a := w.confirmed()
	r, out := io.Pipe()
	defer out.Close()
	ctx, cancel := context.WithCancel(within(t))
	go func() {
		_, _ = out.Write(make([]byte, 1000)) // the reader took it, and waits for more
		cancel()
	}()
	err := a.Upload(ctx, cocos.Dataset, 0, r, w.data, nil)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, cocos.ErrCancelled) {
		t.Error(err)
	}
	// Close does the same.
	r, out2 := io.Pipe()
	defer out2.Close()
	b := w.confirmed()
	go func() {
		_, _ = out2.Write(make([]byte, 1000))
		b.Close()
	}()
	if err = b.Upload(within(t), cocos.Dataset, 0, r, w.data, nil); err == nil {
		t.Error("an upload over a closed connection succeeds")
	}
	_, err = b.Describe(within(t), nil)
	fails(t, err, cocos.ErrUsage, "usage.null")
}

func TestCallsWaitForTheirTurn(t *testing.T) {
	w := open(t, terms{content: []byte("data")})
	a := w.confirmed()
	watching, cancel := context.WithCancel(within(t))
	ended := make(chan error)
	began := make(chan struct{})
	var once sync.Once
	go func() {
		ended <- a.Watch(watching, w.data, 0, func(cocos.Event) error {
			once.Do(func() { close(began) })
			return nil
		})
	}()
	<-began
	short, done := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer done()
	_, err := a.Describe(short, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	cancel()
	if err = <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	err = a.Watch(within(t), w.data, 0, func(cocos.Event) error { return errBroken })
	if err != errBroken {
		t.Error(err)
	}
	var all sync.WaitGroup
	for i := 0; i < 4; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			if _, err := a.Describe(within(t), w.data); err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
}

// cutter forwards connections, the first one only until so many bytes went to the agent.
func cutter(t *testing.T, target string, after int64) (address string, forwarded *atomic.Int64) {
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { l.Close() })
	forwarded = new(atomic.Int64)
	go func() {
		for limit := after; ; limit = 1 << 62 {
			client, err := l.Accept()
			if err != nil {
				return
			}
			agent, err := net.Dial("tcp", target)
			if err != nil {
				client.Close()
				return
			}
			go io.Copy(client, agent)
			go func(limit int64) {
				n, _ := io.CopyN(agent, client, limit)
				forwarded.Add(n)
				client.Close()
				agent.Close()
			}(limit)
		}
	}()
	return l.Addr().String(), forwarded
}

func TestALostConnectionIsResumedByWhoeverCanGoBack(t *testing.T) {
	const size = 24 << 20
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	w := open(t, terms{content: content})
	address, forwarded := cutter(t, w.address, size/2)
	confirmed := func() *cocos.Agent {
		a := w.connectTo(address)
		fatal(t, a.ConfirmManifest(w.manifest.Digest()))
		return a
	}
	r := bytes.NewReader(content)
	err := confirmed().Upload(within(t), cocos.Dataset, 0, r, w.data, nil)
	if !errors.Is(err, cocos.ErrIO) {
		t.Fatal(err)
	}
	fatal(t, confirmed().Upload(within(t), cocos.Dataset, 0, r, w.data, nil))
	if n := forwarded.Load(); n > size+size/2 {
		t.Errorf("%d bytes went to the agent for %d", n, size)
	}
}

func TestALostConnectionIsToldToWhoeverCannotGoBack(t *testing.T) {
	const size = 24 << 20
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	w := open(t, terms{content: content})
	address, _ := cutter(t, w.address, size/2)
	confirmed := func() *cocos.Agent {
		a := w.connectTo(address)
		fatal(t, a.ConfirmManifest(w.manifest.Digest()))
		return a
	}
	r := stream{bytes.NewReader(content)}
	err := confirmed().Upload(within(t), cocos.Dataset, 0, r, w.data, nil)
	fails(t, err, cocos.ErrIO, "asset.rewind")
	var cause *cocos.Error
	if !errors.As(errors.Unwrap(err), &cause) || !errors.Is(cause, cocos.ErrIO) {
		t.Error("why the connection was lost is not said:", err)
	}
	// From the first byte on: what the agent has is read and dropped.
	fatal(t, confirmed().Upload(within(t), cocos.Dataset, 0, stream{bytes.NewReader(content)}, w.data, nil))
}
