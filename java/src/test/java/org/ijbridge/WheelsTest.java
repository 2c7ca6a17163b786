package org.ijbridge;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class WheelsTest {

	private static final String[] NAMES = { "uv-1-py3-none-macosx_10_12_x86_64.whl", "uv-1-py3-none-macosx_11_0_arm64.whl",
		"uv-1-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "uv-1-py3-none-manylinux_2_28_aarch64.whl",
		"uv-1-py3-none-win_amd64.whl", "uv-1-py3-none-win_arm64.whl" };

	@Test
	void eachComputerHasOneWheel() {
		assertEquals(NAMES[0], fitting("Mac OS X", "x86_64"));
		assertEquals(NAMES[1], fitting("Mac OS X", "aarch64"));
		assertEquals(NAMES[2], fitting("Linux", "amd64"));
		assertEquals(NAMES[3], fitting("Linux", "aarch64"));
		assertEquals(NAMES[4], fitting("Windows 11", "amd64"));
		assertEquals(NAMES[5], fitting("Windows 11", "aarch64"));
	}

	private static String fitting(final String system, final String processor) {
		final StringBuilder fitting = new StringBuilder();
		for (final String name : NAMES) {
			boolean fits = true;
			for (final String part : Wheels.tags(system, processor)) fits &= name.contains(part);
			if (fits) fitting.append(name);
		}
		return fitting.toString();
	}
}
