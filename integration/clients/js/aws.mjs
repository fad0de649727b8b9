// The AWS SDK for JavaScript as it comes.
// Usage: node aws.mjs ENDPOINT BUCKET DIRECTORY STEP
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { customerKey, expectEqual, files, kmsKey } from "./files.mjs";

const [endpoint, Bucket, directory, step] = process.argv.slice(2);
const s3 = new S3Client({ endpoint, forcePathStyle: true });

const upload = (Key, Body, options = {}) => new Upload({ client: s3, params: { Bucket, Key, Body, ...options } }).done();

async function expectObject(Key, body, options = {}) {
  const out = await s3.send(new GetObjectCommand({ Bucket, Key, ...options }));
  expectEqual(Key, await out.Body.transformToByteArray(), body);
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ...options }));
  if (head.ContentLength !== body.length || head.ETag !== out.ETag) throw new Error(`${Key}: ${JSON.stringify(head)}`);
  return head;
}

async function listed() {
  const objects = [];
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 3 }, { Bucket })) objects.push(...(page.Contents ?? []));
  return objects;
}

async function uploadListDownload() {
  const all = await files(directory);
  await Promise.all(all.map(([key, body]) => upload(key, body)));
  for (const [key, body] of all) await expectObject(key, body);
  const sizes = Object.fromEntries((await listed()).map((o) => [o.Key, o.Size]));
  for (const [key, body] of all) if (sizes[key] !== body.length) throw new Error(`${key} is listed with ${sizes[key]} bytes`);
}

function encryption(mode) {
  if (mode !== "customer") {
    const write = { ServerSideEncryption: mode };
    if (mode !== "AES256") write.SSEKMSKeyId = kmsKey;
    return { write, read: {}, source: {} };
  }
  const SSECustomerKey = Buffer.from(customerKey).toString("base64");
  const SSECustomerKeyMD5 = createHash("md5").update(customerKey).digest("base64");
  const read = { SSECustomerAlgorithm: "AES256", SSECustomerKey, SSECustomerKeyMD5 };
  const source = Object.fromEntries(Object.entries(read).map(([name, value]) => [`CopySource${name}`, value]));
  return { write: read, read, source };
}

async function encrypted(mode) {
  const { write, read, source } = encryption(mode);
  const bodies = Object.fromEntries(await files(directory));
  for (const [name, body] of [["small", bodies["small.txt"]], ["large", bodies["dir/sub/large.bin"]]]) {
    const Key = `modes/${mode}/${name}`;
    // A stream whose length nobody knows.
    await upload(Key, Readable.from([body.subarray(0, 100), body.subarray(100)]), write);
    const head = await expectObject(Key, body, read);
    if ((head.ServerSideEncryption ?? "customer") !== mode) throw new Error(`${Key}: ${JSON.stringify(head)}`);
    await s3.send(new CopyObjectCommand({ Bucket, Key: `${Key}-copy`, CopySource: `${Bucket}/${Key}`, ...write, ...source }));
    await expectObject(`${Key}-copy`, body, read);
  }
}

async function deleteEverything() {
  const Objects = (await listed()).map(({ Key }) => ({ Key }));
  const out = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  if (out.Errors?.length || (await listed()).length) throw new Error(JSON.stringify(out));
}

await ({ files: uploadListDownload, delete: deleteEverything }[step]?.() ?? encrypted(step));
