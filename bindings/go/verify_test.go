// SPDX-License-Identifier: Apache-2.0

package cocos_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	cocos "libcocos/bindings/go"
)

var at = time.Date(2025, 6, 15, 15, 6, 40, 0, time.UTC)

func snp(t testing.TB) *cocos.Evidence {
	t.Helper()
	e := must[*cocos.Evidence](t)(cocos.ReadEvidence(made(t, "snp", "report.bin")))
	for _, name := range []string{"vcek.der", "ask.der", "ark.der"} {
		fatal(t, e.Add(cocos.PartCertificates, content(t, made(t, "snp", name))))
	}
	fatal(t, e.Add(cocos.PartCRL, content(t, made(t, "snp", "crl-0.der"))))
	return e
}

func tdx(t testing.TB) *cocos.Evidence {
	t.Helper()
	e := must[*cocos.Evidence](t)(cocos.ReadEvidence(made(t, "tdx", "quote.bin")))
	for _, p := range []struct {
		part cocos.Part
		name string
	}{{cocos.PartTCBInfo, "tcb-info.json"}, {cocos.PartQEIdentity, "qe-identity.json"}, {cocos.PartTCBChain, "tcb-chain.pem"},
		{cocos.PartCRL, "crl-0.der"}, {cocos.PartCRL, "crl-1.der"}} {
		fatal(t, e.Add(p.part, content(t, made(t, "tdx", p.name))))
	}
	return e
}

var makers = map[string]func(testing.TB) *cocos.Evidence{"snp": snp, "tdx": tdx}

func madePolicy(t testing.TB, kind string) *cocos.Policy {
	t.Helper()
	return must[*cocos.Policy](t)(cocos.ReadPolicy(made(t, kind, "policy.json")))
}

func verifier(t testing.TB, p *cocos.Policy) *cocos.Verifier {
	t.Helper()
	return must[*cocos.Verifier](t)(cocos.NewVerifier(p))
}

func TestGoodEvidenceIsAcceptedAndCalledSimulated(t *testing.T) {
	for kind, make := range makers {
		v, err := verifier(t, madePolicy(t, kind)).VerifyAt(make(t), at)
		fatal(t, err)
		if !v.Accepted() || !v.Simulated || v.Reason != "" || !strings.Contains(v.String(), "SIMULATED") {
			t.Error(v)
		}
		var document struct {
			Verdict string `json:"verdict"`
		}
		fatal(t, json.Unmarshal([]byte(v.JSON), &document))
		row := v.Row(kind + ".report_data")
		if document.Verdict != "accepted" || row == nil || row.Outcome != cocos.Passed || row.Origin != "policy" || row.Signer == "" {
			t.Errorf("%s: %+v", document.Verdict, row)
		}
		if v.Row("no.such") != nil {
			t.Error("a row that there is not")
		}
	}
}

func TestARefusalIsAnErrorWithTheVerdict(t *testing.T) {
	for kind, make := range makers {
		p := madePolicy(t, kind)
		fatal(t, p.SetBytes(kind+".report_data", bytes.Repeat([]byte{0}, 64)))
		v, err := verifier(t, p).VerifyAt(make(t), at)
		e := fails(t, err, cocos.ErrRejected, kind+".report_data")
		if v == nil || e.Verdict != v || v.Accepted() || v.Judgement != cocos.Rejected || v.Reason != e.Code || e.Expected == e.Found {
			t.Errorf("%v %+v", v, e)
		}
	}
}

func TestWhatIsMissingLeavesItUndecided(t *testing.T) {
	bare := must[*cocos.Evidence](t)(cocos.ReadEvidence(made(t, "snp", "report.bin")))
	v, err := verifier(t, madePolicy(t, "snp")).VerifyAt(bare, at)
	if !errors.Is(err, cocos.ErrUndecided) || errors.Is(err, cocos.ErrRejected) || v.Judgement != cocos.Undecided {
		t.Fatal(err)
	}
}

func TestTheClockIsNamedWhenNoTimeIsChosen(t *testing.T) {
	judge := verifier(t, madePolicy(t, "snp"))
	now, err := judge.Verify(snp(t))
	fatal(t, err)
	then, err := judge.VerifyAt(snp(t), at)
	fatal(t, err)
	if now.Row("time").Signer != "the caller's clock" || then.Row("time").Signer != "chosen by the caller" {
		t.Error(now.Row("time"), then.Row("time"))
	}
}

func TestAKeptChainJudgesEvidenceWithoutCertificates(t *testing.T) {
	judge := verifier(t, madePolicy(t, "snp"))
	fatal(t, judge.KeepChain(snp(t)))
	var wait sync.WaitGroup
	for i := 0; i < 4; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			bare := must[*cocos.Evidence](t)(cocos.ReadEvidence(made(t, "snp", "report.bin")))
			fatal(t, bare.Add(cocos.PartCRL, content(t, made(t, "snp", "crl-0.der"))))
			if v, err := judge.VerifyAt(bare, at); err != nil || !v.Accepted() {
				t.Error(err)
			}
		}()
	}
	wait.Wait()
}

func TestABundleTakesThePlaceOfSingleParts(t *testing.T) {
	b := must[*cocos.Bundle](t)(cocos.ReadBundle(made(t, "snp", "bundle")))
	items := b.Items()
	if b.Kind() != cocos.EvidenceSNP || b.Subject() == "" || len(items) == 0 || len(items[0].Data) == 0 || items[0].Source == "" {
		t.Errorf("%d %s %d", b.Kind(), b.Subject(), len(items))
	}
	if !bytes.Equal(b.CBOR(), content(t, made(t, "snp", "bundle"))) {
		t.Error("a bundle is not as it was")
	}
	bare := must[*cocos.Evidence](t)(cocos.ReadEvidence(made(t, "snp", "report.bin")))
	fatal(t, bare.AddBundle(b))
	_, err := verifier(t, madePolicy(t, "snp")).VerifyAt(bare, at)
	fatal(t, err)
}

func TestEveryFieldIsShownAndCalledUnverified(t *testing.T) {
	e := snp(t)
	if e.Kind() != cocos.EvidenceSNP || !bytes.Equal(e.Data(), content(t, made(t, "snp", "report.bin"))) {
		t.Error("kind or bytes")
	}
	if table := must[string](t)(e.Table()); !strings.Contains(table, "NOT VERIFIED") {
		t.Error(table)
	}
	found := ""
	for _, f := range must[[]cocos.Field](t)(e.Fields()) {
		if f.Name == "measurement" {
			found = f.Value
		}
	}
	if found != strings.Repeat("a1", 48) {
		t.Error(found)
	}
	_, err := e.Claim(cocos.ClaimPurpose)
	fails(t, err, cocos.ErrUsage, "evidence.claim")
	// A report has no claims; the challenge is its data slot.
	fails(t, e.Expect(cocos.ClaimPurpose, []byte("rpc")), cocos.ErrUsage, "evidence.claim")
	fails(t, e.Expect(cocos.ClaimChallenge, []byte{1}), cocos.ErrUsage, "evidence.claim")
	fatal(t, e.Expect(cocos.ClaimChallenge, make([]byte, 64)))
}

func TestPoliciesSayWhatTheyDemand(t *testing.T) {
	p := madePolicy(t, "snp")
	fatal(t, p.Set("snp.vmpl", "0"))
	fatal(t, p.Add("snp.measurement", strings.Repeat("b2", 48)))
	again := must[*cocos.Policy](t)(cocos.ParsePolicy([]byte(must[string](t)(p.JSON()))))
	if must[string](t)(again.JSON()) != must[string](t)(p.JSON()) {
		t.Error("another policy")
	}
	if text := must[string](t)(p.Explain()); !strings.Contains(text, "snp.measurement") {
		t.Error(text)
	}
	if !json.Valid([]byte(must[string](t)(p.ExplainJSON()))) {
		t.Error("no JSON")
	}
	fails(t, p.Set("no.such", "1"), cocos.ErrUsage, "policy.name")
	fails(t, p.AddPCRs([]byte("{}")), cocos.ErrMalformed, "vtpm.pcr_policy_format")
	fatal(t, p.AddPCRs([]byte(`{"pcr_values": {"sha256": {"0": "`+strings.Repeat("00", 32)+`"}}}`)))
}
