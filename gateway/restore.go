package gateway

import (
	"bytes"
	"encoding/xml"
	"io"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// checkRestore refuses a RestoreObject that does more than bring an archived
// object back: a query runs over ciphertext, and its results would be stored
// as they are.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html
func checkRestore(doc []byte) error {
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return s3api.ErrMalformedXML
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "OutputLocation", "SelectParameters", "Type":
			return s3api.ErrNotImplemented.WithMessage("Restoring the result of a query is not supported.")
		}
	}
}
