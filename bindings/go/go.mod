// The path names no host: see "Using it" in README.md.
module libcocos/bindings/go

go 1.19
