import { IPPROTO, SCM_DEVMEM_DMABUF, SCM_DEVMEM_LINEAR, TCP_CM_INQ } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { ControlWriter } from '../devmem/control-writer.ts';
import { PieceColumns } from './piece-columns.ts';

const IOVEC = Uint8Array.from({ length: 2000 }, (_, i) => i);

function filled(received: number, write: (control: ControlWriter) => void): PieceColumns {
  const columns = new PieceColumns(4);
  // What an earlier receive left must not show.
  columns.offset.fill(99);
  columns.token.fill(99);
  columns.count = 4;
  columns.linear = new Uint8Array(99);
  const control = new ControlWriter();
  control.reset(columns.control);
  write(control);
  columns.fill(received, control.length, IOVEC);
  return columns;
}

const rows = (columns: PieceColumns): number[][] =>
  Array.from({ length: columns.count }, (_, i) =>
    [columns.offset, columns.size, columns.token, columns.dmabufId].map((column) => column[i] as number),
  );

describe('PieceColumns', () => {
  it('has room for as many messages as pieces', () => {
    expect(new PieceColumns(3).control.length).toBe(120);
  });

  it('takes messages apart in stream order, linear bytes by their place in the buffer', () => {
    const columns = filled(1360, (control) => {
      control.putDevmem(SCM_DEVMEM_LINEAR, 0, 20, 0, 0);
      control.putDevmem(SCM_DEVMEM_DMABUF, 2 ** 40 + 5, 1000, 3, 7);
      control.putDevmem(SCM_DEVMEM_LINEAR, 0, 40, 0, 0);
      control.putDevmem(SCM_DEVMEM_DMABUF, 8192, 300, 0x7fff_ffff, 8);
    });
    expect(rows(columns)).toEqual([
      [0, 20, 0, 0],
      [2 ** 40 + 5, 1000, 3, 7],
      [20, 40, 0, 0],
      [8192, 300, 0x7fff_ffff, 8],
    ]);
    expect(columns.linear).toEqual(IOVEC.slice(0, 60));
    expect(columns.linear.buffer).not.toBe(IOVEC.buffer);
  });

  it('calls bytes without any message one piece', () => {
    const columns = filled(1000, () => {});
    expect(rows(columns)).toEqual([[0, 1000, 0, 0]]);
    expect(columns.linear).toEqual(IOVEC.slice(0, 1000));
  });

  it('passes over messages of others', () => {
    const columns = filled(50, (control) => {
      control.putDevmem(SCM_DEVMEM_DMABUF, 4096, 50, 1, 1);
      control.putInt(IPPROTO.TCP, TCP_CM_INQ, 5);
    });
    expect(rows(columns)).toEqual([[4096, 50, 1, 1]]);
    expect(columns.linear.length).toBe(0);
    expect(filled(50, (control) => control.putInt(IPPROTO.TCP, TCP_CM_INQ, 5)).count).toBe(1);
  });
});
