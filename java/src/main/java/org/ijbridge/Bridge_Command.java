package org.ijbridge;

import ij.Macro;
import ij.plugin.PlugIn;
import java.util.ServiceConfigurationError;

/**
 * The commands beside Run Model..., told apart by the argument that {@code plugins.config} gives each.
 * <p>
 * As {@link Run_Model} it touches no class of the jars beside this one, so that a missing one is reported.
 * </p>
 */
public final class Bridge_Command implements PlugIn {

	@Override
	public void run(final String argument) {
		try {
			dispatch(argument);
		}
		catch (final BridgeException | LinkageError | ServiceConfigurationError | VirtualMachineError failure) {
			Failure.tell("IJBridge", failure);
		}
		catch (final RuntimeException failure) {
			if (Macro.MACRO_CANCELED.equals(failure.getMessage())) throw failure;
			Failure.tell("IJBridge", failure);
		}
	}

	private static void dispatch(final String argument) throws BridgeException {
		switch (argument) {
			case "inspect":
				InspectCommand.run();
				break;
			case "test":
				TestCommand.run();
				break;
			case "batch":
				BatchCommand.run();
				break;
			case "install":
				InstallCommand.run();
				break;
			case "settings":
				SettingsCommand.run();
				break;
			case "stop":
				StopCommand.run();
				break;
			case "about":
				AboutCommand.run();
				break;
			case "deepimagej":
				DeepImageJCommand.run();
				break;
			default:
				if (argument.startsWith("deepimagej-")) {
					DeepImageJCommand.refuse(argument);
					break;
				}
				throw new BridgeException("There is no command \"" + argument + "\": install the jar anew.");
		}
	}
}
