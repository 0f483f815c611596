glossa_test(rnnt_loss_test SOURCES loss/rnnt_loss_test.cc loss/rnnt_lattice_test.cc LINKS glossa_train glossa_test_support)
