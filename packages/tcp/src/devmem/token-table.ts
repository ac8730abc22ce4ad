import type { NetmemRef } from '@netmem/netmem';
import { EBUSY, MAX_TOKEN_ID } from '@netmem/uapi';

/** Room for 128 ids: every socket has a table, few hold tokens. */
const INITIAL_WORDS = 4;

/**
 * The tokens that one socket has given to its application: id → net_iov. Ids are handed out lowest free first from 1, so that an id which came back
 * is used again at once. One bit per id says whether it is taken; the first word that may have a free bit is remembered.
 *
 * @kernel sk_user_frags — include/net/sock.h, 7.3
 */
export class TokenTable {
  #taken: Int32Array = new Int32Array(INITIAL_WORDS);
  #refs: Int32Array = new Int32Array(INITIAL_WORDS * 32);
  #firstFreeWord = 0;
  #count = 0;
  readonly #limit: number;

  /** @param limit - Highest id; smaller than Linux's only in tests. */
  constructor(limit: number = MAX_TOKEN_ID) {
    this.#limit = limit;
    this.#taken[0] = 1; // id 0 is never handed out (XA_FLAGS_ALLOC1)
  }

  /** Tokens that are out. */
  get count(): number {
    return this.#count;
  }

  /**
   * Takes the lowest free id for `ref`.
   *
   * @returns the id; -EBUSY when every id up to the limit is out.
   * @kernel __xa_alloc — lib/xarray.c, 7.3
   */
  allocate(ref: NetmemRef): number {
    let word = this.#firstFreeWord;
    while (word < this.#taken.length && this.#taken[word] === -1) word++;
    if (word === this.#taken.length) this.#grow();
    const free = ~(this.#taken[word] as number);
    const bit = 31 - Math.clz32(free & -free);
    const id = word * 32 + bit;
    if (id > this.#limit) return -EBUSY;
    this.#taken[word] = (this.#taken[word] as number) | (1 << bit);
    this.#refs[id] = ref;
    this.#firstFreeWord = word;
    this.#count++;
    return id;
  }

  /** Forgets a token and returns what it stood for; 0 when there is no such token, which is no error. */
  erase(id: number): NetmemRef {
    const word = id >>> 5;
    const mask = 1 << (id & 31);
    if (id === 0 || word >= this.#taken.length || ((this.#taken[word] as number) & mask) === 0) return 0 as NetmemRef;
    this.#taken[word] = (this.#taken[word] as number) & ~mask;
    if (word < this.#firstFreeWord) this.#firstFreeWord = word;
    this.#count--;
    return this.#refs[id] as NetmemRef;
  }

  /** Highest id that could be out, for walking the whole table. */
  get capacity(): number {
    return this.#refs.length;
  }

  // Doubling keeps a hoarder's cost amortised; an application that returns its tokens never comes here.
  #grow(): void {
    const taken = new Int32Array(this.#taken.length * 2);
    const refs = new Int32Array(this.#refs.length * 2);
    taken.set(this.#taken);
    refs.set(this.#refs);
    this.#taken = taken;
    this.#refs = refs;
  }
}
