package s3api

import "net/http"

// Errors of authentication and authorisation. The S3 API reference lists the
// codes; the texts of the authorization-header and query-parameter errors vary
// with what is wrong, so callers set them with WithMessage.
var (
	// ErrAccessDenied: the caller may not do this.
	ErrAccessDenied = define(http.StatusForbidden, "AccessDenied", "Access Denied")
	// ErrSignatureDoesNotMatch: the signature was not made with the caller's secret over this request.
	ErrSignatureDoesNotMatch = define(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.")
	// ErrInvalidAccessKeyID: no such access key. Callers add AWSAccessKeyId.
	ErrInvalidAccessKeyID = define(http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
	// ErrRequestTimeTooSkewed: the request was signed more than 15 minutes from now.
	ErrRequestTimeTooSkewed = define(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	// ErrAuthorizationHeaderMalformed: the Authorization header cannot be read or has the wrong scope.
	ErrAuthorizationHeaderMalformed = define(http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header is malformed.")
	// ErrAuthorizationQueryParameters: the X-Amz-… parameters of a presigned URL are missing or wrong.
	ErrAuthorizationQueryParameters = define(http.StatusBadRequest, "AuthorizationQueryParametersError", "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
	// ErrInvalidToken: the session token is not valid.
	ErrInvalidToken = define(http.StatusBadRequest, "InvalidToken", "The provided token is malformed or otherwise invalid.")
	// ErrExpiredToken: the session token has expired.
	ErrExpiredToken = define(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.")
	// ErrInvalidPolicyDocument: the policy of a browser upload cannot be read.
	ErrInvalidPolicyDocument = define(http.StatusBadRequest, "InvalidPolicyDocument", "The content of the form does not meet the conditions specified in the policy document.")
	// ErrPostFieldsTooLarge: more than 20 KB of fields before the file of a browser upload. Callers add MaxPostPreDataLengthBytes.
	ErrPostFieldsTooLarge = define(http.StatusBadRequest, "MaxPostPreDataLengthExceeded", "Your POST request fields preceeding the upload file was too large.") //nolint:misspell // as S3 spells it
	// ErrMalformedPOSTRequest: the form of a browser upload cannot be read.
	ErrMalformedPOSTRequest = define(http.StatusBadRequest, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
)

// Texts that stand for one exact situation, under a code shared by several.
var (
	// ErrHeadersNotSigned: an x-amz-… header or Host is outside the signature. Callers add HeadersNotSigned.
	ErrHeadersNotSigned = ErrAccessDenied.WithMessage("There were headers present in the request which were not signed")
	// ErrMissingDate: a signed request without a date.
	ErrMissingDate = ErrAccessDenied.WithMessage("AWS authentication requires a valid Date or x-amz-date header")
	// ErrRequestExpired: a presigned URL after its time. Callers add X-Amz-Expires, Expires and ServerTime.
	ErrRequestExpired = ErrAccessDenied.WithMessage("Request has expired")
	// ErrRequestNotYetValid: a presigned URL dated in the future.
	ErrRequestNotYetValid = ErrAccessDenied.WithMessage("Request is not valid yet")
	// ErrUnsupportedAuthorizationType: an Authorization scheme other than S3's.
	ErrUnsupportedAuthorizationType = ErrInvalidArgument.WithMessage("Unsupported Authorization Type")
	// ErrUnsupportedSignatureVersion: a signature version other than 4.
	ErrUnsupportedSignatureVersion = ErrInvalidRequest.WithMessage("The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
	// ErrMultipleAuth: both an Authorization header and a presigned query.
	ErrMultipleAuth = ErrInvalidArgument.WithMessage("Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified")
	// ErrMissingContentSHA256: a signed request without x-amz-content-sha256.
	ErrMissingContentSHA256 = ErrInvalidRequest.WithMessage("Missing required header for this request: x-amz-content-sha256")
	// ErrInvalidContentSHA256: x-amz-content-sha256 is neither a hash nor one of the literals.
	ErrInvalidContentSHA256 = ErrInvalidArgument.WithMessage("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.")
	// ErrStreamingNotAllowed: a streaming payload on an operation that does not take one.
	ErrStreamingNotAllowed = ErrInvalidRequest.WithMessage("The value of x-amz-content-sha256 header is invalid.")
	// ErrAnonymousStreaming: a signed streaming payload without a signature.
	ErrAnonymousStreaming = ErrInvalidRequest.WithMessage("Anonymous requests don't support this x-amz-content-sha256 value. Please use UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER.")
)
