"""boto3 as it comes: what the managed transfers and the client do, once with
every kind of encryption that is asked for.

Usage: client.py ENDPOINT BUCKET DIRECTORY MODE...
"""

import filecmp
import io
import os
import sys
import tempfile
import urllib.request
import uuid

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.exceptions import ClientError

CUSTOMER_KEY = b"thirty-two bytes for the tests.."
KMS_KEY = "s3-clients"

endpoint, bucket, directory, *modes = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint, config=Config(s3={"addressing_style": "path"}))


def arguments(mode):
    """What a writing and a reading request say of the encryption."""
    if mode == "customer":
        key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": CUSTOMER_KEY}
        return key, key
    if mode == "AES256":
        return {"ServerSideEncryption": mode}, {}
    return {"ServerSideEncryption": mode, "SSEKMSKeyId": KMS_KEY}, {}


def download_and_compare(key, path, extra):
    with tempfile.TemporaryDirectory() as back:
        s3.download_file(bucket, key, os.path.join(back, "f"), ExtraArgs=extra)
        assert filecmp.cmp(path, os.path.join(back, "f"), shallow=False), f"{key}: other bytes"


def files():
    for base, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(base, name)
            yield os.path.relpath(path, directory), path


def upload_list_download():
    sizes = {}
    for key, path in files():
        s3.upload_file(path, bucket, key)
        sizes[key] = os.path.getsize(path)
        download_and_compare(key, path, {})
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    listed = {o["Key"]: o for page in pages for o in page.get("Contents", [])}
    assert {k: o["Size"] for k, o in listed.items()} == sizes, f"listed {listed}"
    for key, o in listed.items():
        assert s3.head_object(Bucket=bucket, Key=key)["ETag"] == o["ETag"], f"{key}: ETags"


def encrypted(mode):
    write, read = arguments(mode)
    small, large = os.path.join(directory, "small.txt"), os.path.join(directory, "dir/sub/large.bin")
    for name, path in {"small": small, "large": large}.items():
        key = f"modes/{mode}/{name}"
        s3.upload_file(path, bucket, key, ExtraArgs=write)
        download_and_compare(key, path, read)
        head = s3.head_object(Bucket=bucket, Key=key, **read)
        if mode == "customer":
            assert head["SSECustomerAlgorithm"] == "AES256", head
        else:
            assert head["ServerSideEncryption"] == mode, head

        # A managed copy, in parts where the object is large.
        source = {f"CopySource{k}": v for k, v in read.items()}
        s3.copy({"Bucket": bucket, "Key": key}, bucket, key + "-copy", ExtraArgs={**write, **source},
                Config=TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20))
        download_and_compare(key + "-copy", path, read)

    if mode == "customer":
        try:
            s3.get_object(Bucket=bucket, Key="modes/customer/small")
        except ClientError as e:
            assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 400, e
        else:
            raise AssertionError("read without the key")


def streams():
    with open(os.path.join(directory, "dir/sub/large.bin"), "rb") as f:
        body = f.read()
    s3.upload_fileobj(io.BytesIO(body), bucket, "stream", ExtraArgs={"Metadata": {"Colour-Of": "Blue"}},
                      Config=TransferConfig(multipart_chunksize=5 << 20))
    metadata = s3.head_object(Bucket=bucket, Key="stream")["Metadata"]
    assert metadata == {"colour-of": "Blue"}, metadata
    out = io.BytesIO()
    s3.download_fileobj(bucket, "stream", out)
    assert out.getvalue() == body, "the stream has other bytes"
    part = s3.get_object(Bucket=bucket, Key="stream", Range="bytes=5242870-5242889")["Body"].read()
    assert part == body[5242870:5242890], "the range has other bytes"
    # Without a version, what is presigned has a signature of 2006.
    presign = boto3.client("s3", endpoint_url=endpoint, config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
    url = presign.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "stream"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == body, "the presigned URL has other bytes"
    post = presign.generate_presigned_post(bucket, "posted/${filename}", Conditions=[["content-length-range", 1, len(body)]])
    upload_form(post, "form.bin", body)
    download_and_compare("posted/form.bin", os.path.join(directory, "dir/sub/large.bin"), {})


def upload_form(post, name, body):
    """Uploads as a browser does with a form."""
    boundary = uuid.uuid4().hex
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in post["fields"].items()]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n')
    data = "".join(parts).encode() + body + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(post["url"], data, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 204, answer.status


def delete_everything():
    s3r = boto3.resource("s3", endpoint_url=endpoint, config=Config(s3={"addressing_style": "path"}))
    s3r.Bucket(bucket).objects.all().delete()
    assert not s3.list_objects_v2(Bucket=bucket).get("Contents"), "something is left"


steps = {"files": upload_list_download, "streams": streams, "delete": delete_everything}
for mode in modes:
    if mode in steps:
        steps[mode]()
    else:
        encrypted(mode)
