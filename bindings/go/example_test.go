// SPDX-License-Identifier: Apache-2.0

package cocos_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	cocos "libcocos/bindings/go"
)

// sample is a file of the evidence that make-evidence wrote (doc/guide/verify.md).
func sample(name string) string {
	folder, err := makeEvidence()
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Join(folder, "snp", name)
}

func Example_verify() {
	policy, err := cocos.ReadPolicy(sample("policy.json"))
	if err != nil {
		log.Fatal(err)
	}
	defer policy.Close()
	evidence, err := cocos.ReadEvidence(sample("report.bin"))
	if err != nil {
		log.Fatal(err)
	}
	defer evidence.Close()
	bundle, err := cocos.ReadBundle(sample("bundle"))
	if err != nil {
		log.Fatal(err)
	}
	defer bundle.Close()
	if err := evidence.AddBundle(bundle); err != nil {
		log.Fatal(err)
	}
	verifier, err := cocos.NewVerifier(policy)
	if err != nil {
		log.Fatal(err)
	}
	defer verifier.Close()

	verdict, err := verifier.Verify(evidence)
	fmt.Println(verdict.Judgement, err, "simulated:", verdict.Simulated)
	// Output: accepted <nil> simulated: true
}

func ExampleError() {
	policy, _ := cocos.ReadPolicy(sample("policy.json"))
	_ = policy.Set("snp.report_data", "any")
	_ = policy.Set("snp.vmpl", "3")
	evidence, _ := cocos.ReadEvidence(sample("report.bin"))
	for _, name := range []string{"vcek.der", "ask.der", "ark.der"} {
		der, _ := os.ReadFile(sample(name))
		_ = evidence.Add(cocos.PartCertificates, der)
	}
	crl, _ := os.ReadFile(sample("crl-0.der"))
	_ = evidence.Add(cocos.PartCRL, crl)
	verifier, _ := cocos.NewVerifier(policy)
	_, err := verifier.VerifyAt(evidence, time.Date(2025, 6, 15, 0, 0, 0, 0, time.UTC))

	var e *cocos.Error
	if errors.Is(err, cocos.ErrRejected) && errors.As(err, &e) {
		fmt.Println(e.Code, "expected", e.Expected, "found", e.Found)
	}
	// Output: snp.vmpl expected 3 found 0
}

func ExampleAgent_Upload() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	policy, err := cocos.ReadPolicy("policy.json")
	if err != nil {
		log.Fatal(err)
	}
	manifest, err := cocos.ReadManifest("job.json")
	if err != nil {
		log.Fatal(err)
	}
	digest := manifest.Digest() // compared with the other parties'
	key, err := cocos.ReadKey("private.pem")
	if err != nil {
		log.Fatal(err)
	}
	agent, err := cocos.Connect(ctx, "192.0.2.1:7002", cocos.Options{Policy: policy, ManifestDigest: &digest})
	if err != nil {
		log.Fatal(err) // also where the evidence was not accepted
	}
	defer agent.Close()
	file, err := os.Open("patients.csv")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	if err := agent.Upload(ctx, cocos.Dataset, 0, file, key, nil); err != nil {
		log.Fatal(err)
	}
}

func ExampleAgent_Result() {
	ctx := context.Background()
	policy, _ := cocos.ReadPolicy("policy.json")
	key, _ := cocos.ReadKey("private.pem")
	digest, _ := cocos.ParseDigest("…")
	agent, err := cocos.Connect(ctx, "192.0.2.1:7002", cocos.Options{Policy: policy, ManifestDigest: &digest})
	if err != nil {
		log.Fatal(err)
	}
	defer agent.Close()
	if _, err := agent.Result(ctx, os.Stdout, key, nil); errors.Is(err, cocos.ErrState) {
		log.Fatal("not yet: ", err)
	}
}

func ExampleCase_Verify() {
	policy, _ := cocos.ReadPolicy("policy.json")
	verifier, _ := cocos.NewVerifier(policy)
	file, err := cocos.ReadCase("case.cbor")
	if err != nil {
		log.Fatal(err)
	}
	digest, size, err := cocos.Checksum(context.Background(), "result.zip")
	if err != nil {
		log.Fatal(err)
	}
	verdict, err := file.Verify(verifier, &cocos.CaseTerms{ResultDigest: &digest, ResultSize: size})
	if err != nil {
		log.Fatal(err) // not sound, or about another result
	}
	fmt.Println(verdict)
}
