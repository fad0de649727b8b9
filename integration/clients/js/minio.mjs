// MinIO's client for JavaScript as it comes.
// Usage: node minio.mjs ENDPOINT BUCKET DIRECTORY STEP
import * as minio from "minio";
import { Readable } from "node:stream";
import { collect, expectEqual, files, kmsKey } from "./files.mjs";

const [endpoint, bucket, directory, step] = process.argv.slice(2);
const url = new URL(endpoint);
const client = new minio.Client({
  endPoint: url.hostname,
  port: Number(url.port),
  useSSL: url.protocol === "https:",
  accessKey: process.env.AWS_ACCESS_KEY_ID,
  secretKey: process.env.AWS_SECRET_ACCESS_KEY,
  partSize: 5 * 1024 * 1024,
});

const listed = () => client.listObjectsV2(bucket, "", true).toArray();

async function expectObject(key, body) {
  expectEqual(key, await collect(await client.getObject(bucket, key)), body);
  const info = await client.statObject(bucket, key);
  if (info.size !== body.length) throw new Error(`${key}: ${JSON.stringify(info)}`);
}

async function uploadListDownload() {
  const all = await files(directory);
  for (const [key, body] of all) {
    await client.putObject(bucket, key, body, body.length);
    await expectObject(key, body);
  }
  const sizes = Object.fromEntries((await listed()).map((o) => [o.name, o.size]));
  for (const [key, body] of all) if (sizes[key] !== body.length) throw new Error(`${key} is listed with ${sizes[key]} bytes`);
  const large = all.find(([key]) => key.endsWith("large.bin"))[1];
  const middle = await collect(await client.getPartialObject(bucket, "dir/sub/large.bin", 5242870, 20));
  expectEqual("a range", middle, large.subarray(5242870, 5242890));
}

async function encrypted(mode) {
  const headers = { "X-Amz-Server-Side-Encryption": mode };
  if (mode !== "AES256") headers["X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"] = kmsKey;
  const bodies = Object.fromEntries(await files(directory));
  for (const [name, body] of [["small", bodies["small.txt"]], ["large", bodies["dir/sub/large.bin"]]]) {
    const key = `modes/${mode}/${name}`;
    await client.putObject(bucket, key, Readable.from([body]), body.length, headers);
    await expectObject(key, body);
    await client.copyObject(
      new minio.CopySourceOptions({ Bucket: bucket, Object: key }),
      new minio.CopyDestinationOptions({ Bucket: bucket, Object: `${key}-copy`, Headers: headers }),
    );
    await expectObject(`${key}-copy`, body);
  }
}

async function deleteEverything() {
  const errors = await client.removeObjects(bucket, (await listed()).map((o) => o.name));
  if (errors.some(Boolean) || (await listed()).length) throw new Error(JSON.stringify(errors));
}

await ({ files: uploadListDownload, delete: deleteEverything }[step]?.() ?? encrypted(step));
