// Package kmstest helps to test what uses or implements package kms: Memory is
// a provider in memory, and Conformance is the suite that every provider passes.
package kmstest
