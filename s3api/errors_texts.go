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
	// ErrCopySourceInvalid: x-amz-copy-source does not name an object, or stands on a request that copies nothing.
	ErrCopySourceInvalid = ErrInvalidArgument.WithMessage("Copy Source must mention the source bucket and key: sourcebucket/sourcekey").With("ArgumentName", "x-amz-copy-source")
)
