package org.ijbridge;

import ij.Macro;
import ij.plugin.PlugIn;
import java.util.ServiceConfigurationError;

/**
 * The command Plugins &gt; IJBridge &gt; Run Model...
 * <p>
 * It touches no class of the jars beside this one: a jar that is missing becomes an error in what it calls, which it
 * reports. Of an error in this class itself, ImageJ would say little, and the macro would go on.
 * </p>
 */
public final class Run_Model implements PlugIn {

	@Override
	public void run(final String argument) {
		try {
			RunCommand.run();
		}
		catch (final BridgeException | LinkageError | ServiceConfigurationError | VirtualMachineError failure) {
			Failure.tell(failure);
		}
		catch (final RuntimeException failure) {
			if (Macro.MACRO_CANCELED.equals(failure.getMessage())) throw failure;
			Failure.tell(failure);
		}
	}
}
