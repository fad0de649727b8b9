package encryptor_test

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// Encrypting an object on its way into a store, and decrypting it on its way out.
func Example() {
	keys := encryptor.Keys{Suite: encryptor.SuiteAES256GCM, Data: encryptor.NewKey()}

	const text = "Attack at dawn."
	sealer, err := encryptor.NewSealer(keys, strings.NewReader(text), int64(len(text)), nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sealer.Close()
	stored, err := io.ReadAll(sealer)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(stored), "bytes in the store")

	layout, err := encryptor.SingleLayout(int64(len(stored)))
	if err != nil {
		fmt.Println(err)
		return
	}
	opener := encryptor.NewOpener(keys, layout, strings.NewReader(string(stored)))
	defer opener.Close()
	if _, err := opener.WriteTo(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1067 bytes in the store
	// Attack at dawn.
}

// Reading a part of an object takes no more of the store than the chunks it touches.
func ExampleNewRangeOpener() {
	keys := encryptor.Keys{Suite: encryptor.SuiteAES256GCM, Data: encryptor.NewKey()}
	text := strings.Repeat("0123456789", 100_000)
	object, err := encryptor.SealBytes(nil, keys, []byte(text), nil, encryptor.Digests{})
	if err != nil {
		fmt.Println(err)
		return
	}

	layout, err := encryptor.SingleLayout(int64(len(object)))
	if err != nil {
		fmt.Println(err)
		return
	}
	const off, n = 500_003, 5
	start, length := layout.StoredRange(off, n)
	fmt.Printf("bytes=%d-%d\n", start, start+length-1)
	body := strings.NewReader(string(object[start : start+length])) // the store's answer
	opener, err := encryptor.NewRangeOpener(keys, layout, body, start, off, n)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer opener.Close()
	plain, err := io.ReadAll(opener)
	fmt.Println(string(plain), err)
	// Output:
	// bytes=459044-524607
	// 34567 <nil>
}

// A listing shows plaintext sizes without opening a single object.
func ExamplePlaintextSize() {
	n, ok := encryptor.PlaintextSize(5_245_396)
	fmt.Println(n, ok)
	_, ok = encryptor.PlaintextSize(1000)
	fmt.Println(ok)
	// Output:
	// 5242132 true
	// false
}
