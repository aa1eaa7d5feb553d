/** A stand-in for Python that plays pip, and the wheels it serves. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";

/** A folder of programs in `folder` with one `python3`, which answers `-m pip --version` and runs `script` for a download into `$TARGET`. */
export function createFakePython(folder: string, name: string, script: string): string {
  const path = join(folder, `bin-${name}`);
  mkdirSync(path);
  for (const tool of ["sh", "cp"]) symlinkSync(Bun.which(tool) ?? "", join(path, tool));
  const lines = [
    "#!/bin/sh",
    'case "$*" in *--version*) exit 0;; esac',
    'while [ "$1" != "-d" ]; do shift; done',
    'TARGET="$2"',
    script,
  ];
  writeFileSync(join(path, "python3"), `${lines.join("\n")}\n`);
  chmodSync(join(path, "python3"), 0o755);
  return path;
}

/** A zip file with one member (sizes only; readers of one member need no checksum). */
export function zipOf(name: string, content: Uint8Array): Uint8Array {
  const packed = deflateRawSync(content);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(8, 8);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(8, 10);
  central.writeUInt32LE(packed.length, 20);
  central.writeUInt32LE(content.length, 24);
  central.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length + name.length, 12);
  end.writeUInt32LE(local.length + name.length + packed.length, 16);
  return Buffer.concat([local, Buffer.from(name), packed, central, Buffer.from(name), end]);
}
