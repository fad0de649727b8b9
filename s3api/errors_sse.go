package s3api

import "net/http"

const (
	headerSSE        = "x-amz-server-side-encryption"
	headerSSEContext = "x-amz-server-side-encryption-context"
)

// sseArgument makes an InvalidArgument that blames the encryption header, as
// S3 does for nearly every encryption error whichever header is at fault.
// Callers add ArgumentValue where the client sent a value.
func sseArgument(message string) *Error {
	return ErrInvalidArgument.WithMessage("%s", message).With("ArgumentName", headerSSE)
}

// Errors of server-side encryption with keys the client provides (SSE-C).
var (
	// ErrInvalidEncryptionAlgorithm: a customer algorithm other than AES256. Callers add ArgumentValue.
	ErrInvalidEncryptionAlgorithm = define(http.StatusBadRequest, "InvalidEncryptionAlgorithmError", "The Encryption request you specified is not valid. Supported value: AES256.").With("ArgumentName", headerSSE)
	// ErrSSECConflict: SSE-C headers together with another encryption method. Callers add ArgumentValue.
	ErrSSECConflict = sseArgument("Server Side Encryption with Customer provided key is incompatible with the encryption method specified")
	// ErrSSECNoAlgorithm: SSE-C headers without the algorithm.
	ErrSSECNoAlgorithm = sseArgument("Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.")
	// ErrSSECNoKey: SSE-C headers without the key.
	ErrSSECNoKey = sseArgument("Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.")
	// ErrSSECNoKeyMD5: SSE-C headers without the key's MD5.
	ErrSSECNoKeyMD5 = sseArgument("Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.")
	// ErrSSECInvalidKey: the customer key is not the base64 of 32 bytes.
	ErrSSECInvalidKey = sseArgument("The secret key was invalid for the specified algorithm.")
	// ErrSSECMalformedKeyMD5: the MD5 of the customer key is not base64.
	ErrSSECMalformedKeyMD5 = sseArgument("The MD5 hash of the secret key was improperly encoded. The MD5 hash must be Base64 encoded.")
	// ErrSSECKeyMD5Mismatch: the customer key does not have the MD5 sent with it.
	ErrSSECKeyMD5Mismatch = sseArgument("The calculated MD5 hash of the key did not match the hash that was provided.")
	// ErrSSECInsecure: SSE-C headers over plain HTTP.
	ErrSSECInsecure = ErrInvalidRequest.WithMessage("Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.")
	// ErrSSECKeyRequired: the object is encrypted with a customer key and the request has none.
	ErrSSECKeyRequired = ErrInvalidRequest.WithMessage("The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.")
	// ErrSSECWrongKey: a valid customer key, but not the object's.
	ErrSSECWrongKey = ErrAccessDenied.WithMessage("Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.")
	// ErrSSECNotApplicable: a customer key for an object that is not encrypted with one.
	ErrSSECNotApplicable = ErrInvalidRequest.WithMessage("The encryption parameters are not applicable to this object.")
	// ErrSSECPartParameters: a part and its upload differ in having a customer key.
	ErrSSECPartParameters = ErrInvalidRequest.WithMessage("The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.")
	// ErrSSECPartMismatch: the part's customer key is not the upload's.
	ErrSSECPartMismatch = ErrInvalidRequest.WithMessage("The provided encryption parameters did not match the ones used originally.")
)

// Errors of server-side encryption with keys the server manages.
var (
	// ErrSSEMethodNotSupported: an unknown encryption method. Callers add ArgumentValue.
	ErrSSEMethodNotSupported = sseArgument("The encryption method specified is not supported")
	// ErrSSENotForOperation: the encryption header on a request that cannot choose encryption. Callers add ArgumentValue.
	ErrSSENotForOperation = sseArgument("x-amz-server-side-encryption header is not supported for this operation.")
	// ErrKMSHeaderRequired: a KMS key id, context or bucket-key header without the method aws:kms.
	ErrKMSHeaderRequired = sseArgument("Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms")
	// ErrKMSContextInvalid: the encryption context is not the base64 of a flat JSON object of strings.
	ErrKMSContextInvalid = ErrInvalidArgument.WithMessage("The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map").With("ArgumentName", headerSSEContext)
	// ErrKMSInsecure: KMS encryption over plain HTTP.
	ErrKMSInsecure = sseArgument("Requests specifying Server Side Encryption with AWS KMS managed keys must be made over a secure connection.")
	// ErrKMSSignatureVersion: KMS encryption without a version 4 signature.
	ErrKMSSignatureVersion = ErrInvalidArgument.WithMessage("Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.").With("ArgumentName", "Authorization").With("ArgumentValue", "null")
	// ErrKMSNotFound: the key id is malformed or names no key.
	ErrKMSNotFound = define(http.StatusBadRequest, "KMS.NotFoundException", "The specified key does not exist.")
	// ErrKMSDisabled: the key is disabled.
	ErrKMSDisabled = define(http.StatusBadRequest, "KMS.DisabledException", "The specified key is disabled.")
	// ErrKMSInvalidState: the key awaits deletion or cannot be used for another reason.
	ErrKMSInvalidState = define(http.StatusBadRequest, "KMS.KMSInvalidStateException", "The specified key is not in a valid state for this request.")
	// ErrKMSInvalidCiphertext: the key service does not recognise the wrapped data key.
	ErrKMSInvalidCiphertext = define(http.StatusBadRequest, "KMS.InvalidCiphertextException", "The encrypted data key could not be decrypted.")
	// ErrKMSThrottling: the key service refuses for load.
	ErrKMSThrottling = define(http.StatusBadRequest, "KMS.ThrottlingException", "The rate of requests to the key service exceeds its limit.")
)
