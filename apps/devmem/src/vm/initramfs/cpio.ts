/** The `newc` form of cpio, which the kernel unpacks as its first file system. Archives can follow one another; later files replace earlier ones. */

const FILE = 0o100000;
const FOLDER = 0o040000;
const LINK = 0o120000;
const DEVICE = 0o020000;
const ALIGNMENT_BYTES = 4;
const END_NAME = 'TRAILER!!!';
/** The kernel looks for the next archive at such a boundary. */
const ARCHIVE_ALIGNMENT_BYTES = 512;

/** What is in the archive; folders on the way to a file are made by themselves. */
export class CpioArchive {
  readonly #chunks: Uint8Array[] = [];
  readonly #folders: Set<string> = new Set();
  #bytes = 0;
  #inode = 1;

  /** @param path - Absolute. @param mode - Permissions. */
  addFile(path: string, content: Uint8Array | string, mode: number = 0o644): void {
    this.#addParents(path);
    this.#add(path, FILE | mode, typeof content === 'string' ? Buffer.from(content) : content);
  }

  addFolder(path: string, mode: number = 0o755): void {
    if (path === '/' || this.#folders.has(path)) return;
    this.#addParents(path);
    this.#folders.add(path);
    this.#add(path, FOLDER | mode, new Uint8Array(0));
  }

  addLink(path: string, target: string): void {
    this.#addParents(path);
    this.#add(path, LINK | 0o777, Buffer.from(target));
  }

  /** A character device: the kernel opens /dev/console before anybody could mount something there. */
  addDevice(path: string, major: number, minor: number, mode: number = 0o600): void {
    this.#addParents(path);
    this.#add(path, DEVICE | mode, new Uint8Array(0), major, minor);
  }

  /** The whole archive. Nothing can be added afterwards. */
  finish(): Uint8Array {
    this.#add(`/${END_NAME}`, 0, new Uint8Array(0));
    this.#pad(ARCHIVE_ALIGNMENT_BYTES);
    return Buffer.concat(this.#chunks);
  }

  #addParents(path: string): void {
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent !== '') this.addFolder(parent);
  }

  #add(path: string, mode: number, content: Uint8Array, major: number = 0, minor: number = 0): void {
    const name = `${path.slice(1)}\0`;
    const links = (mode & FOLDER) === FOLDER ? 2 : 1;
    const nameBytes = Buffer.byteLength(name);
    // inode, mode, uid, gid, links, mtime, size, device, device of a special file, name, checksum
    const fields = [this.#inode++, mode, 0, 0, links, 0, content.length, 0, 0, major, minor, nameBytes, 0];
    const hex = fields.map((field) => field.toString(16).padStart(8, '0').toUpperCase()).join('');
    this.#append(Buffer.from(`070701${hex}${name}`));
    this.#pad(ALIGNMENT_BYTES);
    this.#append(content);
    this.#pad(ALIGNMENT_BYTES);
  }

  #append(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }

  #pad(boundary: number): void {
    const rest = this.#bytes % boundary;
    if (rest > 0) this.#append(new Uint8Array(boundary - rest));
  }
}
