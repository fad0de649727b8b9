# An instance that writes and reads: keys whose names begin with "s3-".
#
# Only "update". With "create" as well, a token could make a key by using its name.
path "transit/encrypt/s3-*" {
  capabilities = ["update"]
}
path "transit/decrypt/s3-*" {
  capabilities = ["update"]
}
