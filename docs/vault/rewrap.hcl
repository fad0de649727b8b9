# Moving objects to the latest version of their keys. It shows no key to who has
# this policy.
path "transit/rewrap/s3-*" {
  capabilities = ["update"]
}
path "transit/keys/s3-*" {
  capabilities = ["read"]
}
