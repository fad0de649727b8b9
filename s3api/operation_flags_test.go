package s3api

import "testing"

// TestOperationFlags names what the requests of uploads, copies and encryption
// may do and must have. That a PUT or DELETE writes is checked elsewhere; of
// POST requests only some do.
func TestOperationFlags(t *testing.T) {
	type flags struct {
		class                              Class
		write, document, digest, streaming bool
	}
	want := map[string]flags{
		"CreateMultipartUpload":   {class: Transform, write: true},
		"UploadPart":              {class: Transform, write: true, streaming: true},
		"UploadPartCopy":          {class: Transform, write: true},
		"CompleteMultipartUpload": {class: Transform, write: true, document: true},
		"AbortMultipartUpload":    {class: Rewrite, write: true},
		"ListParts":               {class: Rewrite},
		"ListMultipartUploads":    {class: Rewrite},
		"PutObject":               {class: Transform, write: true, streaming: true},
		"PostObject":              {class: Transform, write: true},
		"CopyObject":              {class: Transform, write: true},
		"GetObject":               {class: Transform},
		"HeadObject":              {class: Transform},
		"GetObjectAttributes":     {class: Transform},
		"RestoreObject":           {class: Rewrite, write: true, document: true},
		"DeleteObjects":           {class: Rewrite, write: true, document: true, digest: true},
		"GetBucketEncryption":     {class: Own},
		"PutBucketEncryption":     {class: Own, write: true, document: true, digest: true},
		"DeleteBucketEncryption":  {class: Own, write: true},
		"UpdateObjectEncryption":  {class: Own, write: true, document: true, digest: true},
		"GetObjectAnnotation":     {class: Refuse},
		"ListObjectAnnotations":   {class: Refuse},
		"PutObjectAnnotation":     {class: Refuse, write: true},
		"DeleteObjectAnnotation":  {class: Refuse, write: true},
	}
	for _, o := range Operations() {
		w, ok := want[o.Name]
		got := flags{o.Class, o.Write, o.Document, o.DigestRequired, o.Streaming}
		if ok && got != w {
			t.Errorf("%s: %+v, want %+v", o.Name, got, w)
		}
		delete(want, o.Name)
	}
	for name := range want {
		t.Errorf("%s is not in the table", name)
	}
}
