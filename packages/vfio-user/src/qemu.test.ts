import { describe, expect, it } from 'vitest';
import { qemuDeviceArguments, requireQemuVersion, VfioUserError } from './index.ts';

function refusal(text: string): VfioUserError {
  try {
    requireQemuVersion(text);
  } catch (error) {
    if (error instanceof VfioUserError) return error;
  }
  throw new Error(`${text} was accepted`);
}

describe('requireQemuVersion', () => {
  it('takes 10.1.1 and newer', () => {
    expect(requireQemuVersion('QEMU emulator version 11.1.3 (Debian 1:11.1.3+ds-1~bpo13+1)\nCopyright …')).toEqual([
      11, 1, 3,
    ]);
    expect(requireQemuVersion('10.1.1')).toEqual([10, 1, 1]);
    expect(requireQemuVersion('QEMU emulator version 10.2')).toEqual([10, 2, 0]);
  });

  it('names what is older, and what is no QEMU', () => {
    for (const text of ['QEMU emulator version 7.2.19 (Debian 1:7.2+dfsg-7)', '10.1.0', '9.99.99', '10.0.7']) {
      expect(refusal(text)).toMatchObject({ code: 'ENOSYS', syscall: 'qemu' });
      expect(refusal(text).message).toMatch(/install QEMU 10\.1\.1 or newer/);
    }
    expect(refusal('bash: qemu: command not found').message).toMatch(/no version of QEMU: give the path/);
  });
});

describe('qemuDeviceArguments', () => {
  it('shares the RAM and names the socket, commas included', () => {
    const args = qemuDeviceArguments({ path: '/run/a "b"', memory: '/dev/shm/a,b', memoryBytes: 1 << 29 });
    expect(args.slice(0, 4)).toEqual([
      '-m',
      'size=536870912B',
      '-object',
      'memory-backend-file,id=m,size=536870912,mem-path=/dev/shm/a,,b,share=on',
    ]);
    expect(JSON.parse(args[5])).toEqual({
      driver: 'vfio-user-pci',
      rombar: 0,
      socket: { path: '/run/a "b"', type: 'unix' },
    });
  });
});
