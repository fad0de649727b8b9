// What both scripts do with files.
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

export const kmsKey = "s3-clients";
export const customerKey = "thirty-two bytes for the tests..";

/** Reads all files below a directory: [[key, body], ...]. */
export async function files(directory) {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
  return Promise.all(paths.map(async (path) => [relative(directory, path), await readFile(path)]));
}

/** Reads a stream to its end. */
export async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Throws unless two bodies are equal. */
export function expectEqual(key, got, want) {
  if (!Buffer.from(got).equals(want)) throw new Error(`${key}: read ${got.length} bytes, want ${want.length}`);
}
