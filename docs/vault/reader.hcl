# An instance that only reads.
path "transit/decrypt/s3-*" {
  capabilities = ["update"]
}
