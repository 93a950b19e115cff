//go:build !race

package callbacktest_test

const raced = false
