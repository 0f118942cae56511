"""Operations on hosts of the inventory: their guard is rehearsed, their labels and addresses are edited."""
