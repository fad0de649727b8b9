package s3api

// Texts of ranges, conditions and multipart uploads that stand for one exact
// situation, under a code shared by several.
var (
	// ErrRangeAndPartNumber: a Range header and a partNumber parameter in one request.
	ErrRangeAndPartNumber = ErrInvalidRequest.WithMessage("Cannot specify both Range header and partNumber query parameter")
	// ErrPartNumberValue: partNumber is not a number from 1 to 10000. Callers add ArgumentValue.
	ErrPartNumberValue = ErrInvalidArgument.WithMessage("Part number must be an integer between 1 and 10000, inclusive.").With("ArgumentName", "partNumber")
	// ErrMultipleConditions: If-Match and If-None-Match on one write.
	ErrMultipleConditions = ErrNotImplemented.With("additionalMessage", "Multiple conditional request headers present in the request")
	// ErrMissingBodyDigest: a document body without Content-MD5 and checksum where one is demanded.
	ErrMissingBodyDigest = ErrInvalidRequest.WithMessage("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	// ErrCopySourceInvalid: x-amz-copy-source does not name an object.
	ErrCopySourceInvalid = ErrInvalidArgument.WithMessage("Copy Source must mention the source bucket and key: sourcebucket/sourcekey").With("ArgumentName", "x-amz-copy-source")
	// ErrCopySourceUnexpected: x-amz-copy-source on a request that copies nothing.
	ErrCopySourceUnexpected = ErrInvalidArgument.WithMessage("You can only specify a copy source header for copy requests.").With("ArgumentName", "x-amz-copy-source")
	// ErrCopyRangeInvalid: x-amz-copy-source-range in another form than bytes=first-last. Callers add ArgumentValue.
	ErrCopyRangeInvalid = ErrInvalidArgument.WithMessage("The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy").With("ArgumentName", "x-amz-copy-source-range")
	// ErrCopyToItself: a copy that changes nothing.
	ErrCopyToItself = ErrInvalidRequest.WithMessage("This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	// ErrCopySourceTooLarge: more than 5 GiB to copy at once.
	ErrCopySourceTooLarge = ErrInvalidRequest.WithMessage("The specified copy source is larger than the maximum allowable size for a copy source: 5368709120")

	errEmptyVersion = ErrInvalidArgument.WithMessage("Version id cannot be the empty string").With("ArgumentName", "versionId").With("ArgumentValue", "")
)
